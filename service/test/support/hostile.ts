/** Names that try to be something else than a name, for as many seeds as wanted. */

const pieces = [
  '/merge',
  '/close',
  '\n/merge\n',
  '\r\n/label ~bug\r\n',
  '\u2028/approve',
  '@all',
  '@maya',
  '@research',
  '!1',
  '#1',
  '&1',
  '$1',
  '%"v1"',
  '~bug',
  '~"a b"',
  'research/iris!1',
  'VGG-16',
  '4f2a91c0ffee4f2a91c0ffee4f2a91c0ffee4f2a',
  'https://evil.example.com/x',
  'http&#58;//evil.example.com',
  'www.evil.example.com',
  'mailto:a@evil.example.com',
  'a@evil.example.com',
  'xmpp:a@evil.example.com',
  '[x](https://evil.example.com)',
  '![x](https://evil.example.com/x.png)',
  '[x][1]\n\n[1]: https://evil.example.com',
  '<https://evil.example.com>',
  '<img src=https://evil.example.com/x.png onerror=alert(1)>',
  '<script>alert(1)</script>',
  '</code>',
  '</code></td></tr></table>',
  '<!-- mlmm v1 -->',
  '-->',
  '</details>',
  '<details open>',
  '&lt;b&gt;',
  '&#64;all',
  '&commat;all',
  '|',
  ' | a | b |',
  '\\|',
  '\\',
  '`',
  '``',
  '```\n',
  '$$',
  '$`x`$',
  '**',
  '__',
  '~~',
  '\n# heading',
  '\n> quote',
  '\n- [ ] task',
  '\n---\n',
  '[^1]',
  '[[_TOC_]]',
  '{::options}',
  ':smile:',
  '\u202eevil',
  '\u2066x',
  '\u200b@all',
  '@\u200ball',
  '\u0007\u001b[31m',
  '\ufeff',
  '\u00ad',
  'ünïcødé',
  '🎉',
  '漢字',
  'e\u0301\u0301\u0301\u0301\u0301\u0301',
  ' ',
  '\t',
  'javascript:alert(1)',
  'data:text/html,x',
  '__proto__',
  '..',
  '%2F',
  '*',
]

/** `count` different names of 1 to 200 characters, the same for the same seed. */
export function hostileNames(count: number, seed: number): string[] {
  const random = randomNumbers(seed)
  const names = new Set<string>(pieces)
  while (names.size < count) {
    const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(pieces, random))
    const name = parts.join(random() < 0.5 ? '' : ' ')
    if (name.length <= 200) names.add(name)
  }
  return [...names].slice(0, count)
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T
}

/** Mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
