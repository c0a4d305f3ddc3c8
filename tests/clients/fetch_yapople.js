// usage: node fetch_yapople.js PORT DIRECTORY
// Fetches everything by yapople into files in DIRECTORY, then deletes it.
const fs = require('fs');
const { promisify } = require('util');
const { Client } = require('yapople');

const [port, directory] = process.argv.slice(2);
const keep = (name, data) => fs.writeFileSync(`${directory}/${name}`, data);

function connect() {
  const client = new Client({
    host: '127.0.0.1', port: Number(port), username: 'alice', password: 'secret',
  });
  const call = {};
  for (const name of ['connect', 'stat', 'list', 'retr', 'top', 'dele', 'rset', 'quit'])
    call[name] = promisify(client[name].bind(client));
  return call;
}

(async () => {
  let pop = connect();
  await pop.connect();
  const { count, length } = await pop.stat();
  keep('STAT', `${count} ${length}\r\n`);
  const list = await pop.list();
  keep('LIST', Object.keys(list).map((n) => `${n} ${list[n]}\r\n`).join(''));
  for (const n of Object.keys(list)) {
    keep(`RETR.${n}`, await pop.retr(n));
    keep(`TOP.${n}`, await pop.top(n, 2));
    await pop.dele(n);
  }
  await pop.rset();
  await pop.quit();
  pop = connect();
  await pop.connect();
  for (const n of Object.keys(await pop.list())) await pop.dele(n);
  await pop.quit();
})().catch((e) => { console.error(e); process.exit(1); });
