import assert from "node:assert/strict";
import { userIds } from "../../../../shim/client/spec/users.ts";

const files = {
  passwd: "root:x:0:0:root:/root:/bin/sh\n# comment\napp:x:1000:1001::/home/app:/bin/sh\n",
  group: "root:x:0:\napps:x:1001:\nstaff:x:50:app,root\nweb:x:80:app\n",
};

describe("userIds", () => {
  const cases: [user: string, uid: number, gid: number, additional: number[]][] = [
    ["", 0, 0, []],
    ["root", 0, 0, [50]],
    ["app", 1000, 1001, [50, 80]],
    ["app:web", 1000, 80, []],
    ["app:7", 1000, 7, []],
    ["1000", 1000, 1001, [50, 80]],
    ["4242", 4242, 0, []],
    ["4242:43", 4242, 43, []],
  ];
  for (const [user, uid, gid, additionalGids] of cases) {
    it(`knows "${user}"`, () => assert.deepEqual(userIds(user, files), { uid, gid, additionalGids }));
  }

  const refused: [user: string, message: RegExp][] = [
    ["nobody", /"nobody" is not in the image's \/etc\/passwd/],
    ["app:none", /"none" is not in the image's \/etc\/group/],
    ["a:b:c", /must be "user" or "user:group"/],
    [":web", /must be "user" or "user:group"/],
    ["app:", /must be "user" or "user:group"/],
  ];
  for (const [user, message] of refused) {
    it(`refuses "${user}"`, () => assert.throws(() => userIds(user, files), message));
  }
});
