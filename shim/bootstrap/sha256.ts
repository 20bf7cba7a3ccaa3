/**
 * SHA-256 (FIPS 180-4) of short texts. Node's own comes with all of its `crypto` module, whose loading takes a sixth of what
 * `start` adds to booting Node; it is the oracle of the test. Not for secrets.
 */

/** The first 32 bits of the fractional parts of the `root`-th roots of the first `count` primes (FIPS 180-4, 4.2.2 and 5.3.3). */
function fractions(root: 2 | 3, count: number): number[] {
  const words: number[] = [];
  for (let candidate = 2; words.length < count; candidate += 1) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor += 1;
    if (divisor * divisor <= candidate) continue;
    const value = root === 2 ? Math.sqrt(candidate) : Math.cbrt(candidate);
    words.push(((value - Math.floor(value)) * 2 ** 32) | 0);
  }
  return words;
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** The digest in hexadecimal. */
export function sha256(text: string): string {
  const message = Buffer.from(text, "utf8");
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64);
  message.copy(padded);
  padded[message.length] = 0x80;
  padded.writeUInt32BE(message.length * 8, padded.length - 4);

  const constants = fractions(3, 64);
  const hash = fractions(2, 8);
  const schedule = new Int32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i += 1) schedule[i] = padded.readInt32BE(block + i * 4);
    for (let i = 16; i < 64; i += 1) {
      const [a, b] = [schedule[i - 15] ?? 0, schedule[i - 2] ?? 0];
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      schedule[i] = (schedule[i - 16] ?? 0) + s0 + (schedule[i - 7] ?? 0) + s1;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash;
    for (let i = 0; i < 64; i += 1) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const choice = (e & f) ^ (~e & g);
      const first = (h + s1 + choice + (constants[i] ?? 0) + (schedule[i] ?? 0)) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + s0 + majority) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (hash[i] = ((hash[i] ?? 0) + word) | 0));
  }
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
