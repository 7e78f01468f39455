import t from 'tap'
import { code, figure, gfm, join, left, link, nothing, own, right, table } from '../../render/markdown.js'
import { visibleText } from '../../render/text.js'

t.test('outside text is code with every ASCII sign as an entity', async (t) => {
  const table: [string, string][] = [
    ['tree', '<code>tree</code>'],
    ['a b', '<code>a b</code>'],
    ['a|b', '<code>a&#124;b</code>'],
    ['VGG-16', '<code>VGG&#45;16</code>'],
    ['`x`', '<code>&#96;x&#96;</code>'],
    ['x\\', '<code>x&#92;</code>'],
    ['&lt;', '<code>&#38;lt&#59;</code>'],
    ['</code>', '<code>&#60;&#47;code&#62;</code>'],
    ['@all', '<code><wbr>&#64;all</code>'],
    ['http://x', '<code>http<wbr>&#58;&#47;&#47;x</code>'],
    ['a:b', '<code>a&#58;b</code>'],
    ['WWW.x', '<code>WWW<wbr>&#46;x</code>'],
    ['a\nb', '<code>a␊b</code>'],
    ['a\u202eb', '<code>a\ufffdb</code>'],
    ['', '(blank name)'],
    [' \t ', '<code> ␉ </code>'],
    ['   ', '(blank name)'],
    ['מודל', '<code>מודל</code>&lrm;'],
  ]
  for (const [text, source] of table) t.equal(code(text).source, source, JSON.stringify(text))

  const signs = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(32 + index)).filter((sign) =>
    /[^\w ]|_/.test(sign),
  )
  t.equal(signs.length, 32)
  for (const sign of signs)
    t.match(code(sign).source, new RegExp(`^<code>(<wbr>)?&#${sign.charCodeAt(0)};</code>$`), sign)
})

t.test('strings in a template become code, Markdown stays, numbers are digits', async (t) => {
  t.equal(gfm`**${'<b>'}** ${gfm`_x_`} ${3}`.source, '**<code>&#60;b&#62;</code>** _x_ 3')
  t.equal(join([gfm`a`, null, gfm`b`], gfm` · `).source, 'a · b')
  t.equal(nothing.source, '')
  t.equal(own('🔴').source, '🔴')
})

t.test('a plain string is no Markdown and no word of ours', async (t) => {
  const name: string = '@all'

  // @ts-expect-error it has to be escaped first
  t.notOk(join([name], gfm`, `).source.includes('@'))
  // @ts-expect-error only literals are our own words
  t.equal(own(name).source, name)
})

t.test('figures hold numbers and their words, all else is outside text', async (t) => {
  t.equal(figure('−2.0\u00a0pp').source, '−2.0&nbsp;pp')
  t.equal(figure('NaN (not a number)').source, 'NaN (not a number)')
  t.equal(figure('@all').source, '<code><wbr>&#64;all</code>')
  t.equal(figure('a|b').source, '<code>a&#124;b</code>')
})

t.test('links go to http, https or a path, with every sign encoded that Markdown knows', async (t) => {
  const accepted: [string, string][] = [
    ['https://a.example/b', 'https://a.example/b'],
    ['http://a.example:8080/b?c=d&e=f#g', 'http://a.example:8080/b?c=d&amp;e=f#g'],
    ['/research/iris', '/research/iris'],
    ['https://a.example/(x)', 'https://a.example/%28x%29'],
    ['https://a.example/a b|c', 'https://a.example/a%20b%7Cc'],
    ['https://a.example/`*[]<>"\\', 'https://a.example/%60*[]%3C%3E%22/'],
    ['https://a.example/%2e%zz', 'https://a.example/%2e%25zz'],
    ['https://a.example/@all/!1/~x', 'https://a.example/%40all/%211/~x'],
    ['https://a.example/ä', 'https://a.example/%C3%A4'],
    ['https://a.example/x\ny', 'https://a.example/xy'],
    ['https://a.example/\ud800', 'https://a.example/%EF%BF%BD'],
  ]
  for (const [url, target] of accepted)
    t.equal(
      link(gfm`x`, url).source,
      `[x](${target.replaceAll('*', '%2A').replaceAll('[', '%5B').replaceAll(']', '%5D')})`,
      url,
    )

  const refused = [
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'x',
    '',
    '#a',
  ]
  const others = [
    'https://',
    'https://u:p@a.example/',
    'ftp://a.example/',
    '@all',
    '!1',
    `https://a.example/${'x'.repeat(1000)}`,
  ]
  for (const url of [...refused, ...others]) t.equal(link(gfm`x`, url).source, 'x', url)
  t.equal(link(gfm`x`, null).source, 'x')
})

t.test('a table is its lines', async (t) => {
  const made = table([left(gfm`A`), right(gfm`B`)], [[code('a|b'), gfm`1`]])

  t.equal(made.source, '| A | B |\n|:--|--:|\n| <code>a&#124;b</code> | 1 |')
})

t.test('text is cut in its middle by code points', async (t) => {
  t.equal(visibleText('abcdefghij', 10), 'abcdefghij')
  t.equal(visibleText('abcdefghijk', 10), 'abcdef…ijk')
  t.equal(visibleText('🌷'.repeat(11), 10), `${'🌷'.repeat(6)}…${'🌷'.repeat(3)}`)
  t.equal(visibleText('👩\u200d🔬'.repeat(4), 10), '👩\u200d🔬👩\u200d🔬…👩\u200d🔬')
  t.equal([...visibleText('x'.repeat(1_000_000), 10)].length, 10)
})

t.test('what cannot be seen gets a sign', async (t) => {
  const table: [string, string][] = [
    ['a\0b', 'a␀b'],
    ['\u001b[31m', '␛[31m'],
    ['a\u06ddb', 'a\ufffdb'],
    ['a\u0085b\u2028c\u2029d', 'a\ufffdb\ufffdc\ufffdd'],
    ['a\u200bb\u00ad\u2066\ufeff', 'a\ufffdb\ufffd\ufffd\ufffd'],
    ['\ud800x\udc00', '\ufffdx\ufffd'],
    ['a\u00a0b\u3000c', 'a b c'],
    ['❤\ufe0f', '❤'],
    ['👩\u200d🔬 👩🏽\u200d🚀', '👩\u200d🔬 👩🏽\u200d🚀'],
    ['❤\ufe0f\u200d🔥', '❤\u200d🔥'],
    ['a\u200d🔬 🔬\u200db \u200d', 'a\ufffd🔬 🔬\ufffdb \ufffd'],
    ['\u0301a', '\u25cc\u0301a'],
    [`a${'\u0301'.repeat(9)}b`, `a${'\u0301'.repeat(3)}b`],
    ['\u3164\u115f\u2800', '\ufffd\ufffd\ufffd'],
    ['データ', 'データ'],
  ]
  for (const [text, shown] of table) t.equal(visibleText(text), shown, shown)
})
