/** `emulator base`: a base layer to run Windows containers of, made of Wine's own files. */
import { resolve } from "node:path";
import { makeBaseLayer } from "../../hcs/emulator/windows/base-layer.ts";
import { ensureTemplate } from "../../hcs/emulator/windows/template.ts";
import { findWine, NO_WINE } from "../../hcs/emulator/windows/wine.ts";
import type { Command } from "./command.ts";

export const emulatorBase: Command = {
  name: "emulator base",
  usage: "hcsctl emulator base DIRECTORY",
  summary: "make a tiny Windows base layer (a windowsfilter folder) of Wine's files",
  help: "Its first run on a machine makes what all Windows containers share, which takes some ten seconds.",
  flags: [],
  arity: [1, 1],
  run: async ({ arguments: [given = ""], options, print }) => {
    const directory = resolve(given);
    const wine = findWine();
    if (wine === undefined) throw new Error(`cannot make base layer "${directory}": ${NO_WINE}`);
    const template = await ensureTemplate(options.emulatorWindowsDirectory, wine);
    makeBaseLayer(directory, template);
    print(`${directory}\n`);
  },
};
