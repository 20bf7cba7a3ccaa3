/** `image ls`, `image rm`, `image prune`: what containers can be made of. */
import { stringifyJson } from "../../../hcs/json.ts";
import type { ImageInfo } from "../../client/images/image.ts";
import { messageOf } from "../../errors.ts";
import type { CommandContext } from "../command.ts";
import { formatTable } from "../table.ts";
import { openClient } from "./engine.ts";

const COLUMNS = [{ title: "NAME" }, { title: "PLATFORM" }, { title: "DIGEST" }] as const;

export async function ls(context: CommandContext): Promise<void> {
  const { flags, print } = context;
  await using client = await openClient(context);
  const images = await client.engine.images.list();
  if (flags["json"] === true) return print(`${stringifyJson(images)}\n`);
  print(images.length === 0 ? "no images\n" : formatTable(COLUMNS, images.map(rowOf)));
}

function rowOf({ name, digest, configuration: { os, architecture } }: ImageInfo): string[] {
  return [name, `${os}/${architecture}`, digest];
}

export async function rm(context: CommandContext): Promise<void> {
  await using client = await openClient(context);
  const { images } = client.engine;
  for (const reference of context.arguments) {
    try {
      if ((await images.find(reference)) === undefined) throw new Error(`there is no image "${reference}"`);
      await images.delete(reference);
      context.print(`${reference}\n`);
    } catch (error) {
      process.stderr.write(`hcsctl: ${messageOf(error)}\n`);
      context.fail();
    }
  }
}

export async function prune(context: CommandContext): Promise<void> {
  await using client = await openClient(context);
  for (const name of await client.pruneImages()) context.print(`${name}\n`);
}
