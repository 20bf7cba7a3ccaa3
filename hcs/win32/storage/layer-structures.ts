/** Structures of vmcompute's layer calls. Source: hcsshim, internal/wclayer. */
import { arrayOf, Structure, textBytes } from "../ffi/structure.ts";
import type { ParentLayer } from "../../port/layers.ts";

const FILTER_DRIVER = 1;
/** L"": with no home directory, layers are named by their full paths. */
const NO_HOME = textBytes("");

/** DriverInfo: int Flavour 0, const wchar_t* HomeDir 8. */
export function driverInfo(): Buffer {
  return new Structure(16).u32(0, FILTER_DRIVER).pointer(8, NO_HOME).bytes;
}

/** WC_LAYER_DESCRIPTOR[], uppermost layer first: GUID LayerId 0, uint32 Flags 16, const wchar_t* Path 24. Null for none. */
export function layerDescriptors(parents: readonly ParentLayer[]): Buffer | null {
  if (parents.length === 0) return null;
  return arrayOf(parents.map(({ id, path }) => new Structure(32).guid(0, id).text(24, path)));
}
