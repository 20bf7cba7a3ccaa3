/** The contract of the port on the emulator. */
import { backendContract } from "./backend.ts";
import { emulatorFactory } from "./emulator-under-test.ts";

backendContract(emulatorFactory);
