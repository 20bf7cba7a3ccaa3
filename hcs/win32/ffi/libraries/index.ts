/** Every native function that is called on Windows, by DLL. */
import type { NativeLibrary } from "../table.ts";
import { COMPUTECORE } from "./computecore.ts";
import { KERNEL32 } from "./kernel32.ts";
import { PIPES } from "./pipes.ts";
import { PROGRAM } from "./program.ts";

export const NATIVE_LIBRARIES: readonly NativeLibrary[] = [COMPUTECORE, KERNEL32, PIPES, PROGRAM];
