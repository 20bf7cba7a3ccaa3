import assert from "node:assert/strict";
import { SharedDevice, type Rung } from "../../../../../../shim/pod/vm/devices/shared-device.ts";

const STATES = ["reserved", "attached", "plugged", "mounted"] as const;
const NEVER = new AbortController().signal;

/** A device of four rungs that notes each step; the steps named in `failures` fail that many times. */
function device(failures: Record<string, number> = {}) {
  const steps: string[] = [];
  const step = (name: string) => async () => {
    if ((failures[name] ?? 0) > 0) {
      failures[name] = (failures[name] ?? 0) - 1;
      throw new Error(`${name} failed`);
    }
    steps.push(name);
  };
  const rungs: Rung[] = STATES.map((state) => ({
    state,
    up: step(`up ${state}`),
    down: step(`down ${state}`),
  }));
  return { device: new SharedDevice("disk", rungs, () => steps.push("free")), steps };
}

const UP = ["up attached", "up plugged", "up mounted"];
const DOWN = ["down mounted", "down plugged", "down attached", "free", "down reserved"];

describe("SharedDevice", () => {
  it("climbs all rungs for its first user and descends them in reverse for its last", async () => {
    const { device: disk, steps } = device();
    const first = disk.reserve();
    const second = disk.reserve();
    assert.deepEqual(steps, [], "reserving is no I/O");
    await first.acquire(NEVER);
    await second.acquire(NEVER);
    assert.deepEqual(steps, UP);
    await first.release(NEVER);
    assert.deepEqual(steps, UP, "somebody uses it still");
    await second.release(NEVER);
    assert.deepEqual(steps, [...UP, ...DOWN]);
    assert.equal(disk.state, "free");
  });

  it("is freed without a step when its only user never acquired it", async () => {
    const { device: disk, steps } = device();
    await disk.reserve().release(NEVER);
    assert.deepEqual(steps, ["free", "down reserved"]);
  });

  it("counts a user once however often it releases", async () => {
    const { device: disk } = device();
    const [first, second] = [disk.reserve(), disk.reserve()];
    await first.acquire(NEVER);
    await first.release(NEVER);
    await first.release(NEVER);
    assert.equal(disk.users, 1);
    assert.equal(second.state, "reserved");
    assert.equal(disk.state, "mounted");
  });

  for (const [index, state] of STATES.slice(1).entries()) {
    it(`descends from below "${state}" when that cannot be entered`, async () => {
      const { device: disk, steps } = device({ [`up ${state}`]: 1 });
      const reservation = disk.reserve();
      await assert.rejects(reservation.acquire(NEVER), new RegExp(`up ${state} failed`));
      assert.deepEqual(steps, [...UP.slice(0, index), ...DOWN.slice(UP.length - index)]);
      assert.equal(reservation.state, "released");
      assert.equal(disk.users, 0);
    });

    it(`stays on "${state}" when that cannot be left, and goes on from there`, async () => {
      const { device: disk, steps } = device({ [`down ${state}`]: 1 });
      const reservation = disk.reserve();
      await reservation.acquire(NEVER);
      await assert.rejects(reservation.release(NEVER), new RegExp(`down ${state} failed`));
      assert.equal(disk.state, state);
      assert.equal(reservation.state, "releasing");
      assert.equal(disk.users, 0, "no underflow");
      await reservation.release(NEVER);
      assert.deepEqual(steps, [...UP, ...DOWN]);
    });

    it(`climbs again from "${state}" for a user who comes after a failed release`, async () => {
      const { device: disk, steps } = device({ [`down ${state}`]: 1 });
      const first = disk.reserve();
      await first.acquire(NEVER);
      await assert.rejects(first.release(NEVER));
      const second = disk.reserve();
      await second.acquire(NEVER);
      assert.equal(disk.state, "mounted");
      await first.release(NEVER);
      assert.equal(disk.state, "mounted", "the second user keeps it");
      await second.release(NEVER);
      assert.deepEqual(steps.slice(-DOWN.length), DOWN);
    });

    it(`names both failures when it cannot be undone from "${state}" either`, async () => {
      const below = STATES[index] ?? "reserved";
      const { device: disk } = device({ [`up ${state}`]: 1, [`down ${below}`]: 1 });
      await assert.rejects(
        disk.reserve().acquire(NEVER),
        new RegExp(`up ${state} failed; and then: down ${below} failed`),
      );
      assert.equal(disk.users, 0);
    });
  }

  it("serves a user who reserves while it is being taken down", async () => {
    const { device: disk, steps } = device();
    const first = disk.reserve();
    await first.acquire(NEVER);
    const released = first.release(NEVER);
    const second = disk.reserve();
    await Promise.all([released, second.acquire(NEVER)]);
    assert.equal(disk.state, "mounted");
    assert.ok(!steps.includes("free"));
  });

  it("does not climb for a caller that has given up", async () => {
    const { device: disk, steps } = device();
    const gaveUp = AbortSignal.abort(new Error("too late"));
    await assert.rejects(disk.reserve().acquire(gaveUp), /too late/);
    assert.deepEqual(steps, ["free", "down reserved"]);
  });

  for (const state of ["held", "released"] as const) {
    it(`refuses to acquire a reservation that is ${state}`, async () => {
      const { device: disk } = device();
      const reservation = disk.reserve();
      await reservation.acquire(NEVER);
      if (state === "released") await reservation.release(NEVER);
      await assert.rejects(reservation.acquire(NEVER), new RegExp(`the reservation is ${state}`));
    });
  }

  it("refuses to be reserved once it is free", async () => {
    const { device: disk } = device();
    await disk.reserve().release(NEVER);
    assert.throws(() => disk.reserve(), /it is free/);
  });
});
