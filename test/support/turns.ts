/** Lets everything that can happen without time passing happen. */
export async function turnsOfTheLoop(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
