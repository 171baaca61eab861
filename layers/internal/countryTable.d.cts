export declare const loadCountryTable: () => unknown
