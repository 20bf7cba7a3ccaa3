/** In place of the global `performance`, of which bundles use the clock alone: Node's comes with all of `perf_hooks`. */
export const performance: Pick<Performance, "now"> = {
  now: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};
