/** `LayerData` of computestorage: what HcsAttachOverlayFilter and its siblings take. */
import type { SchemaVersion } from "./compute-system.ts";

export interface LayerData {
  SchemaVersion?: Partial<SchemaVersion>;
  Layers?: Layer[];
  FilterType?: "WCIFS" | "UnionFS";
}

/** Also the `Layers` of a container's storage. */
export interface Layer {
  /** Lower-case GUID. */
  Id: string;
  Path: string;
}

/** The filter that makes one file system of a writable volume and the layers below it. */
export const UNION_FILTER: LayerData = { SchemaVersion: {}, FilterType: "UnionFS" };
