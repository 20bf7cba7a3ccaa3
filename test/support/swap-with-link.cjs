// Puts a link in the place of a file or directory, and back, as often as it can, until it is ended.
//     node swap-with-link.cjs PLACE ORIGINAL LINK
const { renameSync } = require("node:fs");
const [place, original, link] = process.argv.slice(2);
process.send("begun");
for (;;) {
  renameSync(place, original);
  renameSync(link, place);
  renameSync(place, link);
  renameSync(original, place);
}
