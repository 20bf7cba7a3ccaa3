/** Plain tables for terminals and pipes: columns as wide as their widest cell, two blanks between them. */

/** Columns of numbers are aligned to the right. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? "";
        const width = widths[index] ?? 0;
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return `${[columns.map(({ title }) => title), ...rows].map(line).join("\n")}\n`;
}
