/** A sweep's table as Parquet, for notebooks and databases. The same table gives the same bytes. */
import { parquetWriteBuffer } from "hyparquet-writer";
import type { SweepTable } from "../observe/sweep-result.js";
import { sweepColumns } from "./sweep-columns.js";

const TYPES = { whole: "INT32", number: "DOUBLE", text: "STRING" } as const;

export function sweepParquet(table: SweepTable): Uint8Array {
  const columnData = sweepColumns(table).map(({ name, kind, values }) => ({ name, type: TYPES[kind], nullable: true, data: [...values] }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
