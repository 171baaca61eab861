/**
 * Answers as a table for the terminal.
 */

/** One answer. */
export interface Row {
  readonly kind: string
  readonly name: string
  readonly value: unknown
  readonly ruleID: string
  readonly group: string
  readonly reason: string
}

const columns = [
  { title: "kind", width: 10, of: (row: Row) => row.kind },
  { title: "name", width: 32, of: (row: Row) => row.name },
  { title: "value", width: 44, of: (row: Row) => JSON.stringify(row.value) },
  { title: "rule", width: 24, of: (row: Row) => row.ruleID },
  { title: "group", width: 12, of: (row: Row) => row.group },
  { title: "reason", width: 20, of: (row: Row) => row.reason }
]

const cell = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)

/** The rows under a heading. */
export const printTable = (heading: string, rows: ReadonlyArray<Row>): string =>
  [
    heading,
    columns.map(column => cell(column.title, column.width)).join("  "),
    columns.map(column => "─".repeat(column.width)).join("  "),
    ...rows.map(row => columns.map(column => cell(column.of(row), column.width)).join("  "))
  ]
    .map(line => line.trimEnd())
    .join("\n")
    .concat("\n")
