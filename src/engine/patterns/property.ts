/**
 * Unicode property names as Rust's `regex` reads them: loosely (case, spaces, `_`, `-` and a leading `is` are ignored),
 * while JavaScript needs the exact spelling. The tables hold JavaScript's spellings.
 */

const generalCategories = [
  "Any Assigned ASCII C Other Cc Control cntrl Cf Format Cn Unassigned Co Private_Use",
  "L Letter LC Cased_Letter Ll Lowercase_Letter Lm Modifier_Letter Lo Other_Letter Lt Titlecase_Letter Lu",
  "Uppercase_Letter M Mark Combining_Mark Mc Spacing_Mark Me Enclosing_Mark Mn Nonspacing_Mark",
  "N Number Nd Decimal_Number digit Nl Letter_Number No Other_Number P Punctuation punct",
  "Pc Connector_Punctuation Pd Dash_Punctuation Pe Close_Punctuation Pf Final_Punctuation Pi Initial_Punctuation",
  "Po Other_Punctuation Ps Open_Punctuation S Symbol Sc Currency_Symbol Sk Modifier_Symbol Sm Math_Symbol",
  "So Other_Symbol Z Separator Zl Line_Separator Zp Paragraph_Separator Zs Space_Separator"
]

const binaryProperties = [
  "ASCII_Hex_Digit AHex Alphabetic Alpha Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased",
  "Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL",
  "Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash",
  "Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji Emoji_Component EComp Emoji_Modifier EMod",
  "Emoji_Modifier_Base EBase Emoji_Presentation EPres Extended_Pictographic ExtPict Extender Ext Grapheme_Base",
  "Gr_Base Grapheme_Extend Gr_Ext Hex_Digit Hex IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue",
  "IDC ID_Start IDS Ideographic Ideo Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math",
  "Noncharacter_Code_Point NChar Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical",
  "Regional_Indicator RI Sentence_Terminal STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo",
  "Uppercase Upper Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS"
]

/** Script names that are not one capitalised word; every other name and four-letter code is. */
const irregularScripts = [
  "Anatolian_Hieroglyphs Bassa_Vah Canadian_Aboriginal Caucasian_Albanian Cypro_Minoan Dives_Akuru",
  "Egyptian_Hieroglyphs Gunjala_Gondi Gurung_Khema Hanifi_Rohingya Imperial_Aramaic Inscriptional_Pahlavi",
  "Inscriptional_Parthian Kayah_Li Khitan_Small_Script Kirat_Rai Linear_A Linear_B Masaram_Gondi Meetei_Mayek",
  "Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Nag_Mundari New_Tai_Lue Nyiakeng_Puachue_Hmong Ol_Chiki",
  "Ol_Onal Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian",
  "Old_Turkic Old_Uyghur Pahawh_Hmong Pau_Cin_Hau Phags_Pa Psalter_Pahlavi SignWriting Sora_Sompeng Syloti_Nagri",
  "Tai_Le Tai_Tham Tai_Viet Tulu_Tigalari Warang_Citi Zanabazar_Square"
]

const normalize = (name: string): string => {
  const plain = name.replace(/[ _-]|[^\0-\x7f]/g, "").toLowerCase()
  return plain.startsWith("is") ? plain.slice(2) : plain
}

/** The table's spelling of a normalised name. There is no index: few patterns name a property. */
const nameIn = (table: ReadonlyArray<string>, wanted: string): string | undefined => {
  for (const line of table) {
    const found = line.split(" ").find(name => normalize(name) === wanted)
    if (found !== undefined) return found
  }
  return undefined
}

/** Names that are also short names of properties Rust does not look up: it reads them as categories. */
const categoriesFirst = new Set(["cf", "sc", "lc"])

/** Rust does not know the script of characters without a script. */
const noScripts = new Set(["unknown", "zzzz"])

const script = (property: string, name: string): string | undefined =>
  noScripts.has(name)
    ? undefined
    : `\\p{${property}=${nameIn(irregularScripts, name) ?? name.charAt(0).toUpperCase() + name.slice(1)}}`

const isKnownProperty = (source: string): boolean => {
  try {
    new RegExp(source, "u")
    return true
  } catch {
    return false
  }
}

const propertyByValue = (property: string, value: string): string | undefined => {
  switch (normalize(property)) {
    case "gc":
    case "generalcategory": {
      const name = nameIn(generalCategories, value)
      return name === undefined ? undefined : `\\p{${name}}`
    }
    case "sc":
    case "script":
      return script("Script", value)
    case "scx":
    case "scriptextensions":
      return script("Script_Extensions", value)
    default:
      return undefined
  }
}

const propertyByName = (name: string): string | undefined => {
  const binary = categoriesFirst.has(name) ? undefined : nameIn(binaryProperties, name)
  const found = binary ?? nameIn(generalCategories, name)
  return found === undefined ? script("Script", name) : `\\p{${found}}`
}

/**
 * The JavaScript (`u` flag) source of the Unicode property that Rust's `\p{query}` names, or undefined when there is
 * no such property. Not available in JavaScript, hence undefined: `Age`, the three break properties (`GCB`, `WB`,
 * `SB`), `Hyphen`, `Grapheme_Link`, `Prepended_Concatenation_Mark` and the `Other_…` properties.
 */
export const unicodeProperty = (query: string): string | undefined => {
  // Rust reads `!=` but then loses the negation.
  const [, name, value] = /^(.*?)(?:!=|:|=)(.*)$/s.exec(query) ?? []
  const source =
    name === undefined || value === undefined
      ? propertyByName(normalize(query))
      : propertyByValue(name, normalize(value))
  return source !== undefined && isKnownProperty(source) ? source : undefined
}
