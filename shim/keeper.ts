/** Entry of the keeper: `… INSTALLATION`, with the environment of the `start` that wanted it. */
import { ownPrograms } from "./bootstrap/programs.ts";
import { messageOf } from "./errors.ts";
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
  const keeper = new Keeper({
    address: keeperAddress(process.env),
    installation,
    programs: ownPrograms(),
    options: new Options(await readNodeFile()),
    onIdle: end,
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, end);
  if (!(await keeper.listen())) process.exit(0);
}

keep().catch((error: unknown) => {
  process.stderr.write(`keeper: ${messageOf(error)}\n`);
  process.exit(1);
});
