/** Entry of the keeper: `… INSTALLATION`, with the environment of the `start` that wanted it. */
import { ownPrograms } from "./bootstrap/programs.ts";
import { systemClock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import { IdleTrim, trimMemory } from "./hosting/idle-trim.ts";
import { keeperAddress } from "./hosting/keeper/address.ts";
import { Keeper } from "./hosting/keeper/keeper.ts";
import { readNodeFile } from "./options/node-file.ts";
import { Options } from "./options/own.ts";

async function keep(): Promise<void> {
  const installation = process.argv.at(-1) ?? "";
  const end = (): never => {
    keeper.close();
    process.exit(0);
  };
  const trim = new IdleTrim({
    clock: systemClock,
    resident: () => process.memoryUsage.rss(),
    // The next pod must not wait for code.
    trim: () => trimMemory({ forgetsCode: false }),
    onFailure: (error) => process.stderr.write(`keeper: memory is not given back: ${messageOf(error)}\n`),
  });
  const keeper = new Keeper({
    address: keeperAddress(process.env),
    installation,
    programs: ownPrograms(),
    options: new Options(await readNodeFile()),
    onAnswered: () => trim.touch(systemClock.monotonic()),
    onIdle: end,
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, end);
  if (!(await keeper.listen())) process.exit(0);
}

keep().catch((error: unknown) => {
  process.stderr.write(`keeper: ${messageOf(error)}\n`);
  process.exit(1);
});
