import assert from "node:assert/strict";
import { shortenLayers } from "../../../../../hcs/emulator/storage/overlay-options.ts";

describe("shortenLayers", () => {
  it("names the layers relative to the directory above all of them", () => {
    const data = ["index=off", "upperdir=/s/9/fs", "lowerdir=/s/1/fs:/s/22/fs:/s/3/fs", "workdir=/s/9/work"];
    assert.deepEqual(shortenLayers(data), {
      directory: "/s",
      data: ["index=off", "upperdir=/s/9/fs", "lowerdir=1/fs:22/fs:3/fs", "workdir=/s/9/work"],
    });
  });

  it("does not take half a name for a directory", () => {
    assert.deepEqual(shortenLayers(["lowerdir=/snap/10:/snap/11"]), {
      directory: "/snap",
      data: ["lowerdir=10:11"],
    });
  });

  it("keeps the name of a single layer", () => {
    assert.deepEqual(shortenLayers(["lowerdir=/a/b/c"]), { directory: "/a/b", data: ["lowerdir=c"] });
  });

  it("keeps colons inside paths, and goes into no directory that has one", () => {
    assert.deepEqual(shortenLayers(["lowerdir=/a/x\\:y/1:/a/x\\:y/2"]), {
      directory: "/a",
      data: ["lowerdir=x\\:y/1:x\\:y/2"],
    });
  });

  for (const data of [[], ["upperdir=/a"], ["lowerdir=/a:/b"], ["lowerdir=a/1:a/2"]]) {
    it(`gives up on ${JSON.stringify(data)}`, () => assert.equal(shortenLayers(data), undefined));
  }
});
