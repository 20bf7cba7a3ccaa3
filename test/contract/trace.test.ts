/** The contract of the port on the recorder, and on the replayer of what it recorded. */
import { backendContract } from "./backend.ts";
import { recordedFactory, replayFactory } from "./recorded-under-test.ts";

backendContract(recordedFactory);
backendContract(replayFactory);
