// usage: node fetch_node-pop3.js PORT DIRECTORY
// Fetches everything by node-pop3 into files in DIRECTORY, then deletes it.
const fs = require('fs');
const Pop3Command = require('node-pop3');

const [port, directory] = process.argv.slice(2);
const keep = (name, data) => fs.writeFileSync(`${directory}/${name}`, data);
const table = (rows) => rows.map((row) => row.join(' ') + '\r\n').join('');

async function collect([, stream]) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

function connect() {
  return new Pop3Command({
    host: '127.0.0.1', port: Number(port), user: 'alice', password: 'secret',
  });
}

(async () => {
  let pop = connect();
  keep('STAT', await pop.STAT() + '\r\n');
  const list = await pop.LIST();
  keep('LIST', table(list));
  keep('UIDL', table(await pop.UIDL()));
  for (const [n] of list) {
    keep(`RETR.${n}`, await collect(await pop.command('RETR', n)));
    keep(`TOP.${n}`, await collect(await pop.command('TOP', n, 2)));
    await pop.DELE(n);
  }
  await pop.RSET();
  await pop.QUIT();
  pop = connect();
  for (const [n] of await pop.LIST()) await pop.DELE(n);
  await pop.QUIT();
})().catch((e) => { console.error(e); process.exit(1); });
