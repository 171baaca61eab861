/**
 * Tables for the terminal.
 */

/** One column: its title, its width in characters, and what it shows of a row. */
export interface Column<Row> {
  readonly title: string
  readonly width: number
  readonly of: (row: Row) => string
}

/** One evaluation. */
export interface Answer {
  readonly kind: string
  readonly name: string
  readonly value: unknown
  readonly ruleID: string
  readonly group: string
  readonly reason: string
}

/** The columns of evaluations. */
export const answerColumns: ReadonlyArray<Column<Answer>> = [
  { title: "kind", width: 10, of: row => row.kind },
  { title: "name", width: 32, of: row => row.name },
  { title: "value", width: 44, of: row => JSON.stringify(row.value) },
  { title: "rule", width: 24, of: row => row.ruleID },
  { title: "group", width: 12, of: row => row.group },
  { title: "reason", width: 20, of: row => row.reason }
]

/** How often an exposure arrived at the server. */
export interface ExposureCount {
  /** As in the event: `gate`, `config` or `layer`. */
  readonly kind: string
  readonly name: string
  readonly ruleID: string
  readonly count: number
}

/** The columns of exposures. */
export const exposureColumns: ReadonlyArray<Column<ExposureCount>> = [
  { title: "kind", width: 10, of: row => row.kind },
  { title: "name", width: 32, of: row => row.name },
  { title: "rule", width: 24, of: row => row.ruleID },
  { title: "exposures", width: 9, of: row => String(row.count).padStart(9) }
]

const cell = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)

/** The rows under a heading. */
export const printTable = <Row>(
  heading: string,
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>
): string =>
  [
    heading,
    columns.map(column => cell(column.title, column.width)).join("  "),
    columns.map(column => "─".repeat(column.width)).join("  "),
    ...rows.map(row => columns.map(column => cell(column.of(row), column.width)).join("  "))
  ]
    .map(line => line.trimEnd())
    .join("\n")
    .concat("\n")
