import assert from "node:assert/strict";
import { timelinePage } from "../../../../shim/hcsctl/timeline-page.ts";
import type { TimelineEntry } from "../../../../shim/phases/timeline.ts";

const AT = Date.UTC(2025, 0, 2, 3, 4, 5);
const ENTRIES: readonly TimelineEntry[] = [
  { startedAt: AT, durationMs: 250, task: "pod", verb: "create", phase: "vm-boot" },
  { startedAt: AT + 250, durationMs: 0.01, task: "pod", verb: "create", phase: "network" },
  {
    startedAt: AT + 750,
    durationMs: 250,
    task: "web",
    exec: "probe",
    verb: "exec",
    phase: "stdio-open",
    failure: 'no <"pipe">',
  },
];

describe("timelinePage", () => {
  it("has a bar for each phase, at its place on a common scale", () => {
    const bars = [...timelinePage("pod", ENTRIES).matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)"/g)];
    assert.deepEqual(
      bars.map(([, x, width]) => [Number(x), Number(width)]),
      [
        [330, 225],
        [555, 1.5],
        [1005, 225],
      ],
    );
  });

  it("shows what failed, and takes no text for markup", () => {
    const page = timelinePage("a<b", ENTRIES);
    assert.match(
      page,
      /<g class="failed"><title>exec web\/probe: stdio-open, 250 ms from .*\nno &#60;&#34;pipe&#34;&#62;<\/title>/,
    );
    assert.match(page, /<title>Timeline of a&#60;b<\/title>/);
  });

  it("has a scale of round numbers", () => {
    const scale = [...timelinePage("pod", ENTRIES).matchAll(/<text x="[\d.]+" y="12">([^<]+)</g)];
    assert.deepEqual(
      scale.map(([, text]) => text),
      ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms", "1 s"],
    );
  });

  it("says so when there is nothing yet", () => {
    assert.match(timelinePage("pod", []), /<p>No phase has ended yet\.<\/p>/);
  });
});
