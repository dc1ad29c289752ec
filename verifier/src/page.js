// The page: files are dropped, read here, and handed to the worker. The server sees none of them.
const KINDS = {
  'plimsoll.margin-proof': 'proof',
  'plimsoll.rows': 'rows',
  'plimsoll.committed-book': 'book',
  'plimsoll.signature': 'signature',
  'plimsoll.solvency': 'solvency',
  'plimsoll.inclusion': 'inclusion',
};
const NAMES = {
  proof: 'a proof of margin',
  rows: 'its rows',
  book: 'a signed book',
  signature: 'a signature',
  solvency: 'a publication of a venue',
  inclusion: 'an inclusion path',
};
const LARGEST = 64 * 1024 * 1024;
const find = (id) => document.getElementById(id);
const texts = {};
let worker = null;

function say(place, words, kind = '') {
  find(place).replaceChildren(
    ...[words].flat().map((text) => {
      const line = document.createElement('p');
      line.textContent = text;
      return line;
    }),
  );
  find(place).dataset.kind = kind;
}

async function take(files) {
  const refused = [];
  for (const file of files) {
    const text = file.size <= LARGEST ? await file.text() : '';
    const schema = /"schema"\s*:\s*"([^"]{1,80})"/.exec(text)?.[1];
    if (KINDS[schema]) texts[KINDS[schema]] = text;
    else refused.push(`${file.name}: no document that this page knows`);
  }
  say('problems', refused, refused.length > 0 ? 'no' : '');
  show();
}

function task() {
  if (texts.inclusion) return 'inclusion';
  if (texts.proof) return 'margin';
  return texts.solvency ? 'solvency' : null;
}

function missing(chosen) {
  const needs = { inclusion: ['inclusion', 'solvency'], margin: ['proof', 'rows'], solvency: ['solvency'] }[chosen];
  return needs.filter((name) => !texts[name]);
}

function show() {
  const chosen = task();
  find('held').replaceChildren(
    ...Object.keys(texts).map((name) => {
      const item = document.createElement('li');
      item.textContent = NAMES[name];
      return item;
    }),
  );
  find('expected').hidden = chosen === null;
  if (chosen === null) return;
  find('account-field').hidden = chosen === 'solvency';
  find('equity-field').hidden = chosen !== 'inclusion';
  find('key-field').hidden = !texts.signature;
  find('whole').hidden = chosen !== 'inclusion';
  const lacking = missing(chosen);
  find('check').disabled = lacking.length > 0;
  say('lacking', lacking.map((name) => `Drop ${NAMES[name]} too.`));
}

async function generators() {
  // not believed: the worker holds it to a hash, and derives what is missing
  try {
    const reply = await fetch('generators.bin');
    return reply.ok ? await reply.arrayBuffer() : null;
  } catch {
    return null;
  }
}

async function check(chosen) {
  const expected = {};
  for (const name of ['venue', 'account', 'epoch', 'equity', 'key']) expected[name] = find(name).value.trim();
  if (chosen === 'inclusion' && !/^[0-9]{1,40}$/.test(expected.equity)) {
    say('verdict', 'Your equity is a whole number of the smallest unit, such as 1250000.', 'no');
    return;
  }
  const buttons = [find('check'), find('whole')];
  for (const button of buttons) button.disabled = true;
  const began = performance.now();
  say('verdict', 'Verifying in this browser ...', 'busy');
  worker?.terminate();
  worker = new Worker('worker.js');
  const message = { task: chosen, texts, expected, generators: await generators() };
  const answer = await new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => resolve({ accepted: false, words: [`the verifier failed: ${event.message}`] });
    worker.postMessage(message);
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const head = answer.accepted ? 'Yes, it holds.' : 'No, it is refused.';
  say('verdict', [head, ...answer.words, `${seconds} s in this browser.`], answer.accepted ? 'yes' : 'no');
  find('verdict').scrollIntoView({ block: 'nearest' });
  for (const button of buttons) button.disabled = false;
}

find('files').addEventListener('change', ({ target }) => take(target.files));
find('drop').addEventListener('dragover', (event) => event.preventDefault());
find('drop').addEventListener('drop', (event) => {
  event.preventDefault();
  take(event.dataTransfer.files);
});
find('check').addEventListener('click', () => check(task()));
find('whole').addEventListener('click', () => check('solvency'));
find('forget').addEventListener('click', () => {
  for (const name of Object.keys(texts)) delete texts[name];
  find('files').value = '';
  say('verdict', []);
  say('problems', []);
  show();
});
find('ready').hidden = false;
find('unbuilt').hidden = true;
