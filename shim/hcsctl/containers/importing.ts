/** Imports the archive a container is to be made of, with a bar on terminals, where it takes a while. */
import { existsSync } from "node:fs";
import type { ContainerClient } from "../../client/client.ts";
import { ClientError } from "../../client/errors.ts";
import type { ContainerOptions } from "../../client/options/options.ts";
import type { CommandContext } from "../command.ts";
import { progressBar } from "../progress.ts";
import { containerOptions } from "./options.ts";

/** Options in which an archive has become the image it holds. */
export async function importing(context: CommandContext, client: ContainerClient): Promise<ContainerOptions> {
  const options = containerOptions(context, context.arguments);
  const { image } = options;
  if (image === undefined || !existsSync(image)) return options;
  using bar = progressBar("importing");
  const [first] = await client.engine.images.import(image, {
    onProgress: ({ done, total }) => bar.update(done, total),
  });
  if (first === undefined)
    throw new ClientError("NotFound", `there is no image in ${image}`, { path: image });
  return { ...options, image: first.name };
}
