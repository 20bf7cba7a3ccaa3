/** A smaller form of `bulk.soak.ts`. */
import { describeBulk } from "../support/agent-bulk.ts";

describeBulk({ mib: 128, files: 1000, timeoutMs: 90_000 });
