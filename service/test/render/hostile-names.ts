/** Fragments that mean something to Markdown, HTML, GitLab, a terminal or a Unicode renderer. */
const fragments = [
  ...[
    '/merge',
    '/close',
    '\n/merge\n',
    '\r\n/approve',
    '@all',
    '@root',
    'user@example.com',
    '@group/sub',
    '!1',
    '#1',
  ],
  ...[
    '&3',
    '$9',
    '%12',
    '~bug',
    '~"a label"',
    'VGG-16',
    'PROJ-1',
    'research/iris!4',
    'research/iris#2',
    '[[wiki]]',
  ],
  ...[
    '4f2a91c0d4f2a91c0d4f2a91c0d4f2a91c0d4f2a',
    'https://evil.example/x',
    'http://evil.example',
    'www.evil.example',
  ],
  ...[
    'WWW.evil.example',
    'ftp://evil.example',
    'javascript:alert(1)',
    'mailto:a@b.example',
    'xmpp:a@b.example/c',
  ],
  ...[
    '[a](http://evil.example)',
    '![a](http://evil.example/x.png)',
    '[a]: http://evil.example',
    '<http://evil.example>',
  ],
  ...[
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    '</code>',
    '<code>',
    '</td></tr></table>',
    '</details>',
  ],
  ...[
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '</summary>',
    '</sub>',
    '<a href="//evil.example">',
    '<style>*{}</style>',
    '&lt;',
  ],
  ...[
    '&#64;all',
    '&commat;all',
    '&#x40;',
    '|',
    '||',
    '\\|',
    '\\',
    '`',
    '``',
    '```',
    '~~~',
    '**',
    '__',
    '*a*',
    '_b_',
    '~~c~~',
  ],
  ...[
    '# h',
    '- x',
    '1. y',
    '> q',
    '---',
    '===',
    '+++',
    '$$x$$',
    '$`x`$',
    ':tada:',
    '[^1]',
    '[x]',
    '{+a+}',
    '{-b-}',
  ],
  ...[
    '%{project_name}',
    '::include{file=x}',
    '[[_TOC_]]',
    'GL-1',
    'gitlab-org>',
    '\t',
    '\0',
    '\u0007',
    '\u001b[31m',
    '\u0085',
  ],
  ...[
    '\u202e',
    '\u2066',
    '\u200b',
    '\u200d',
    '\ufeff',
    '\u00ad',
    '\u2028',
    '\u2029',
    '\ud800',
    '\udc00',
    '\uffff',
    '\u3164',
  ],
  ...[
    'a\u0301\u0301\u0301\u0301\u0301\u0301',
    '\u0336'.repeat(20),
    'א',
    'مرحبا',
    '数据',
    '👩‍👩‍👧',
    '\u{1d7d8}',
    '\u{e0041}',
    '\u00a0',
  ],
  ...[
    '',
    ' ',
    '   ',
    'accuracy',
    'loss',
    'x'.repeat(120),
    '🌷'.repeat(90),
    '@'.repeat(100),
    '/'.repeat(100),
    '"',
    "'",
    '%',
    '%00',
  ],
]

/** As many names as asked for, the same at every run. */
export function hostileNames(count: number, seed = 1): string[] {
  const next = randomNumbers(seed)
  return Array.from({ length: count }, (_, index) => {
    const first = fragments[index % fragments.length] ?? ''
    const length = index < fragments.length ? 0 : Math.floor(next() * 4)
    const others = Array.from({ length }, () => fragments[Math.floor(next() * fragments.length)] ?? '')
    return [first, ...others].join(next() < 0.5 ? ' ' : '').slice(0, 200)
  })
}

/** Mulberry32: small, seeded, good enough to mix fragments. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
