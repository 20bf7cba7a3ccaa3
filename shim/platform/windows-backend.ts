/** The Windows backend as a single executable has it: its threads run a bundle that the executable carries. */
import { Win32Backend } from "../../hcs/win32/backend.ts";
import { embeddedText } from "../bootstrap/embedded.ts";

export function openWindowsBackend(): Win32Backend {
  return new Win32Backend({ code: embeddedText("native-calls.cjs") });
}
