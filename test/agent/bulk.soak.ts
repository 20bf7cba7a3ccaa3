/** One gibibyte, and twenty thousand files. */
import { describeBulk } from "../support/agent-bulk.ts";

describeBulk({ mib: 1024, files: 20_000, timeoutMs: 30 * 60_000 });
