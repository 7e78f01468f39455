import t from 'tap'
import { createHtmlRenderer, type HtmlSources } from '../../render/html.js'
import type { ProblemView } from '../../render/pages/problem.js'

const site = { homeHref: '/', styleHref: '/-/assets/style.css', iconHref: '/-/assets/icon.svg' }

/** The page `problem` alone is of interest. */
function sources(problem: string, layout = '{{> @partial-block}}'): HtmlSources {
  const others = {
    projects: '',
    project: '',
    'project-settings': '',
    history: '',
    model: '',
    'merge-request': '',
    results: '',
    profile: '',
    tokens: '',
    'new-token': '',
    'new-project': '',
    'standalone-settings': '',
    connect: '',
    'connect-project': '',
  }
  return { layout, partials: {}, pages: { ...others, problem } }
}

const view: ProblemView = {
  title: 'Nothing here',
  crumbs: [],
  heading: 'Nothing here',
  message: 'There is no such page.',
  help: 'Check the address.',
  requestId: null,
  mayHide: false,
  links: [],
}

function rendered(template: string, changes: Partial<ProblemView> = {}): string {
  return createHtmlRenderer(sources(template), site).render('problem', { ...view, ...changes })
}

t.test('every value is escaped, in text and in attributes', async (t) => {
  const message = `<b>&"'\`=`

  t.equal(rendered('{{message}}', { message }), '&lt;b&gt;&amp;&quot;&#x27;&#x60;&#x3D;')
  t.equal(rendered('{{plain message}}', { message }), '&lt;b&gt;&amp;&quot;&#x27;&#x60;&#x3D;')
  t.equal(rendered('{{name message}}', { message }), '<bdi>&lt;b&gt;&amp;&quot;&#x27;&#x60;&#x3D;</bdi>')
})

t.test('a name is visible, on one line, and cut with all of it in its title', async (t) => {
  const long = `${'x'.repeat(100)}"end`

  t.equal(rendered('{{name message}}', { message: 'a\u202eb\nc' }), '<bdi>a\ufffdb\u240ac</bdi>')
  t.equal(rendered('{{name message}}', { message: ' \u00a0' }), '<bdi>(blank name)</bdi>')
  t.match(
    rendered('{{name message}}', { message: long }),
    /^<bdi title="x{100}&quot;end">x+…x+&quot;end<\/bdi>$/,
  )
  t.match(rendered('{{longName message}}', { message: long }), /^<bdi>x{100}&quot;end<\/bdi>$/)
})

t.test('a time is exact and says so to machines', async (t) => {
  const at = { at: new Date('2026-03-04T05:06:07.890Z') }
  const render = createHtmlRenderer(sources('{{time at}}'), site).render('problem', { ...view, ...at })

  t.equal(
    render,
    '<time datetime="2026-03-04T05:06:07Z" title="2026-03-04T05:06:07Z">2026-03-04&nbsp;05:06</time>',
  )
})

t.test('a value or helper that is missing is an error, not a blank', async (t) => {
  t.throws(() => rendered('{{shout message}}'), /shout/)
  t.throws(() => rendered('{{messsage}}'), /messsage/)
})

t.test('a template that is broken stops the start', async (t) => {
  t.throws(() => createHtmlRenderer(sources('{{#if message}}'), site), /Parse error/)
})

t.test('the layout stands around the page and knows the site', async (t) => {
  const layout = '<title>{{plain title}}</title>{{site.homeHref}}{{> @partial-block}}'
  const renderer = createHtmlRenderer(sources('{{#> layout}}<p>{{help}}</p>{{/layout}}', layout), site)

  t.equal(
    renderer.render('problem', { ...view, title: 'a\u2028b' }),
    '<title>a\ufffdb</title>/<p>Check the address.</p>',
  )
})
