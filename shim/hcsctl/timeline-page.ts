/** The timeline as a page of its own: a bar for each phase, to be opened in a browser or attached to a report. */
import type { TimelineEntry } from "../phases/timeline.ts";

const ROW_HEIGHT = 18;
const BAR_HEIGHT = 13;
const LABEL_WIDTH = 330;
const CHART_WIDTH = 900;
/** A phase shorter than a pixel is still to be seen. */
const SHORTEST_BAR = 1.5;
/** Scale lines, about. */
const TICKS = 8;

/** @param title what the page is about: the id of the pod or task */
export function timelinePage(title: string, entries: readonly TimelineEntry[]): string {
  const begin = Math.min(...entries.map(({ startedAt }) => startedAt));
  const end = Math.max(...entries.map(({ startedAt, durationMs }) => startedAt + durationMs));
  const total = entries.length === 0 ? 1 : Math.max(end - begin, 1);
  const scale = (ms: number): number => (ms / total) * CHART_WIDTH;
  const height = (entries.length + 2) * ROW_HEIGHT;
  const marks = ticks(total).map((ms) => {
    const x = (LABEL_WIDTH + scale(ms)).toFixed(1);
    return `<line x1="${x}" y1="${ROW_HEIGHT}" x2="${x}" y2="${height}"/><text x="${x}" y="12">${escape(duration(ms))}</text>`;
  });
  const rows = entries.map((entry, index) => row(entry, index, scale(entry.startedAt - begin), scale));
  const what =
    entries.length === 0
      ? "No phase has ended yet."
      : `${entries.length} phases since ${new Date(begin).toISOString()}, ${escape(duration(total))} in all. Point at a bar for its times; red ones failed.`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Timeline of ${escape(title)}</title>
<style>
  body { font: 13px system-ui, sans-serif; margin: 2em; }
  svg { font: 11px ui-monospace, monospace; }
  line { stroke: #ddd; }
  .ok rect { fill: #3b7dd8; }
  .failed rect { fill: #d0402b; }
  .failed text { fill: #a02010; }
</style>
<h1>Timeline of ${escape(title)}</h1>
<p>${what}</p>
<svg width="${LABEL_WIDTH + CHART_WIDTH + 60}" height="${height}" role="img" aria-label="phases as bars">
${marks.join("\n")}
${rows.join("\n")}
</svg>
</html>
`;
}

function row(entry: TimelineEntry, index: number, x: number, scale: (ms: number) => number): string {
  const { task, exec, verb, phase, durationMs, failure, startedAt } = entry;
  const y = (index + 1) * ROW_HEIGHT + 4;
  const subject = exec === undefined ? task : `${task}/${exec}`;
  const tip = `${verb} ${subject}: ${phase}, ${duration(durationMs)} from ${new Date(startedAt).toISOString()}${failure === undefined ? "" : `\n${failure}`}`;
  const width = Math.max(scale(durationMs), SHORTEST_BAR);
  return `<g class="${failure === undefined ? "ok" : "failed"}"><title>${escape(tip)}</title><text x="0" y="${y + 10}">${escape(shorten(`${phase} · ${verb} ${subject}`))}</text><rect x="${(LABEL_WIDTH + x).toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}"/></g>`;
}

/** Round numbers that divide the whole. */
function ticks(total: number): number[] {
  const rough = total / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, index) => index * step);
}

function duration(ms: number): string {
  return ms < 1000 ? `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms` : `${Number((ms / 1000).toFixed(2))} s`;
}

const LONGEST_LABEL = 48;

function shorten(text: string): string {
  return text.length <= LONGEST_LABEL ? text : `${text.slice(0, LONGEST_LABEL - 1)}…`;
}

/** Ids and error texts are somebody else's. */
function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
