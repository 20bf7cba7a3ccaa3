import assert from "node:assert/strict";
import { posix } from "node:path";
import {
  formatLayerChain,
  LayerChainError,
  resolveLayerChain,
  type LayerChainFault,
} from "../../../../oci/windows/layer-chain.ts";
import { LayerStore } from "./layer-store.ts";

const TOP = "C:\\L\\X";
const ONE = "C:\\L\\1";
const TWO = "C:\\L\\2";
const THREE = "C:\\L\\3";

interface Case {
  readonly title: string;
  readonly store: LayerStore;
  readonly parents: readonly string[];
  readonly differs?: boolean;
}

const CASES: readonly Case[] = [
  {
    title: "a full chain whose parents have chains of their own",
    store: new LayerStore().layer(TOP, [TWO, ONE]).layer(TWO, [ONE]).base(ONE),
    parents: [TWO, ONE],
  },
  {
    title: "the parent alone",
    store: new LayerStore().layer(TOP, [TWO]).layer(TWO, [ONE]).base(ONE, []),
    parents: [TWO, ONE],
    differs: true,
  },
  {
    title: "a relative path",
    store: new LayerStore().layer(TOP, ["parents\\base"]).base(`${TOP}\\parents\\base`),
    parents: [`${TOP}\\parents\\base`],
    differs: true,
  },
  {
    title: "a path of a store that was moved, by the copy beside the layer",
    store: new LayerStore().layer(TOP, ["D:\\gone\\base"]).base(`${TOP}\\parents\\base`),
    parents: [`${TOP}\\parents\\base`],
    differs: true,
  },
  {
    title: "one folder in several spellings, once",
    store: new LayerStore().layer(TOP, ["c:/l/1", `\\\\?\\${ONE}\\`]).base(ONE),
    parents: ["c:\\l\\1"],
    differs: true,
  },
  {
    title: "a byte order mark, and the object of early stores",
    store: new LayerStore().layer(TOP, `\uFEFF{"Chain":[${JSON.stringify(ONE)}]}`).base(ONE),
    parents: [ONE],
    differs: true,
  },
  {
    title: "layers that are CIMs",
    store: new LayerStore()
      .layer(TOP, [TWO])
      .layer(TWO, [ONE], ["layer.cim"])
      .layer(ONE, [], ["layer.cim", "layout"]),
    parents: [TWO, ONE],
    differs: true,
  },
];

const REFUSALS: readonly (readonly [string, LayerStore, LayerChainFault, RegExp])[] = [
  ["no file", new LayerStore().layer(TOP), "missing", /layerchain\.json of "C:\\L\\X": must be there/],
  ["no JSON", new LayerStore().layer(TOP, "[C:\\1]"), "invalid", /is not JSON/],
  ["an object", new LayerStore().layer(TOP, { chain: [] }), "invalid", /must be an array of paths \(found/],
  ["null", new LayerStore().layer(TOP, "null"), "invalid", /must be an array of paths \(found null\)/],
  ["an empty path", new LayerStore().layer(TOP, [""]), "invalid", /must be an array of paths/],
  [
    "more layers than there can be",
    new LayerStore().layer(
      TOP,
      Array.from({ length: 128 }, (_, index) => `C:\\L\\${index}`),
    ),
    "invalid",
    /must not name more than 127 layers \(found 128\)/,
  ],
  [
    "a path out of the folder",
    new LayerStore().layer(TOP, ["..\\1"]).base(ONE),
    "invalid",
    /must not lead out/,
  ],
  [
    "a parent that names its child",
    new LayerStore().layer(TOP, [TWO]).layer(TWO, ["C:/l/x/"]),
    "cycle",
    /of "C:\\L\\2": must not lead back .*\(found "C:\/l\/x\/"\)/,
  ],
  [
    "a parent before its child",
    new LayerStore().layer(TOP, [ONE, TWO]).layer(TWO, [ONE]).base(ONE),
    "order",
    /must list layers below those that need them \(found "C:\\\\L\\\\1"\)/,
  ],
  [
    "a list that contradicts another",
    new LayerStore().layer(TOP, [THREE]).layer(THREE, [TWO, ONE]).layer(TWO, []).layer(ONE, [TWO]),
    "order",
    /must list layers below/,
  ],
  [
    "a parent that is not there",
    new LayerStore().layer(TOP, [ONE]),
    "layer",
    /in none of C:\\L\\1, C:\\L\\X\\parents\\1/,
  ],
  [
    "a parent that is no layer",
    new LayerStore().layer(TOP, [ONE]).add(`${ONE}\\other`),
    "layer",
    /of "C:\\L\\1": is of no layer: it has none of Files, layer\.cim/,
  ],
  [
    "a chain without its base",
    new LayerStore().layer(TOP, [TWO]).layer(TWO, []),
    "incomplete",
    /of "C:\\L\\2": ends the chain, and is no base layer: it has none of Hives\\System_Base/,
  ],
  ["no layer at all", new LayerStore().layer(TOP, []), "empty", /must name a layer/],
];

describe("resolveLayerChain", () => {
  for (const { title, store, parents, differs = false } of CASES) {
    it(`follows ${title}`, async () => {
      assert.deepEqual(await resolveLayerChain(TOP, store), { parents, differs });
    });
  }

  for (const [title, store, fault, message] of REFUSALS) {
    it(`refuses ${title}`, async () => {
      await assert.rejects(resolveLayerChain(TOP, store), (error) => {
        assert.ok(error instanceof LayerChainError);
        assert.deepEqual([error.fault, error.refusal], [fault, "failed precondition"]);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("takes a folder without parents for one that is to be a base", async () => {
    for (const store of [new LayerStore().layer(TOP), new LayerStore().layer(TOP, [])]) {
      assert.deepEqual((await resolveLayerChain(TOP, store, { mayBeBase: true })).parents, []);
    }
  });

  it("follows paths of other systems, whose case counts", async () => {
    const known = new Map([
      ["/l/x/layerchain.json", '["/l/One/"]'],
      ["/l/One", undefined],
      ["/l/One/Files", undefined],
      ["/l/One/layout", ""],
    ]);
    const reader = {
      kindOf: async (path: string) =>
        known.has(path)
          ? known.get(path) === undefined
            ? ("directory" as const)
            : ("file" as const)
          : undefined,
      readText: async (path: string) => known.get(path) ?? "",
    };
    assert.deepEqual(await resolveLayerChain("/l/x", reader, { paths: posix }), {
      parents: ["/l/One"],
      differs: true,
    });
  });

  it("finds nothing to change in what formatLayerChain wrote", async () => {
    const store = new LayerStore().layer(TOP, [TWO]).layer(TWO, [ONE]).base(ONE);
    const { parents } = await resolveLayerChain(TOP, store);
    store.layer(TOP, formatLayerChain(parents));
    assert.deepEqual(await resolveLayerChain(TOP, store), { parents, differs: false });
  });
});
