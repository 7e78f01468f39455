import t from 'tap'

import { renderGfm } from '../gfm.js'
import { openMergeRequest, startStory } from './helper.js'

const sha = '0123456789abcdef0123456789abcdef01234567'

t.test('what is alive in plain text is found', async (t) => {
  const living: [string, Partial<ReturnType<typeof renderGfm>>][] = [
    ['hello @all and @group/sub', { mentions: ['@all', '@group/sub'] }],
    ['see !1, #2, &3 and $4', { references: ['!1', '#2', '&3', '$4'] }],
    ['group/project!1', { references: ['group/project!1'] }],
    ['in %v1 with ~bug and ~"two words"', { references: ['%v1', '~bug', '~"two words"'] }],
    [`commit ${sha}`, { references: [sha] }],
    ['model VGG-16', { references: ['VGG-16'] }],
    ['&#64;all &#33;7', { mentions: ['@all'], references: ['!7'] }],
    ['<b>@ada</b>', { mentions: ['@ada'], rawHtmlElements: ['b'] }],
    ['[x](https://evil.example.com)', { links: ['https://evil.example.com'] }],
    ['www.example.com', { links: ['http://www.example.com'] }],
    ['smb://host/share', { links: ['smb://host/share'] }],
    ['[x](!1)', { references: ['!1'] }],
    ['![x](https://evil.example.com/x.png)', { images: ['https://evil.example.com/x.png'] }],
    ['<img src="https://evil.example.com/x.png">', { images: ['https://evil.example.com/x.png'] }],
    ['text\n/merge', { quickActions: ['/merge'] }],
    ['/Close now', { quickActions: ['/Close now'] }],
    ['```\nopen fence\n/merge', { quickActions: ['/merge'] }],
  ]

  for (const [markdown, expected] of living) t.match(renderGfm(markdown), expected, markdown)
})

t.test('what GitLab skips is dead', async (t) => {
  const dead = [
    '`@all !1 VGG-16`',
    '<code>&#64;all &#33;1 www&#46;example&#46;com</code>',
    '```\n@all !1\n/merge\n```',
    '<pre>@all</pre>',
    '<style>@all</style>',
    ' /merge',
    '| /merge |\n|--|\n| x |',
    '/data/iris.csv',
    'ada@example is no mention, 5 % no milestone',
    '<!-- @all !1 -->',
  ]

  for (const markdown of dead) {
    const { mentions, references, quickActions } = renderGfm(markdown)
    t.same(
      { mentions, references, quickActions },
      { mentions: [], references: [], quickActions: [] },
      markdown,
    )
  }
})

t.test('a body without blanks is searched in linear time', async (t) => {
  const { references, links } = renderGfm('x'.repeat(1_000_000))

  t.same({ references, links }, { references: [], links: [] })
})

t.test('the sanitiser keeps what GitLab keeps', async (t) => {
  const { html } = renderGfm(
    '<details><summary>More</summary>\n\n<sub>small</sub><wbr></details>\n\n' +
      '<script>alert(1)</script><a href="javascript:alert(1)" onclick="x()">x</a><iframe src="x"></iframe>',
  )

  t.match(html, /<details><summary>More<\/summary>/)
  t.match(html, '<sub>small</sub>')
  t.notMatch(html, /script|onclick|iframe/)
})

t.test('the page of a merge request shows its notes as rendered', async (t) => {
  const story = await startStory(t)
  const { gitlab, bot, project } = story
  const mr = await openMergeRequest(story)
  const notes = `${gitlab.url}/api/v4/projects/${project.id}/merge_requests/${mr.iid}/notes`
  const body = '| Model | Accuracy |\n|--|--:|\n| `tree` | **96.7%** |\n\n<script>alert(1)</script>'
  await fetch(notes, {
    method: 'POST',
    headers: { 'private-token': bot.token, 'content-type': 'application/json' },
    body: JSON.stringify({ body }),
  })

  const page = await (await fetch(`${gitlab.url}/research/iris/-/merge_requests/${mr.iid}`)).text()

  t.match(page, '<strong>96.7%</strong>')
  t.match(page, '<code>tree</code>')
  t.notMatch(page, '<script>')
})

t.test('links in notes lead somewhere', async (t) => {
  const story = await startStory(t)
  const { gitlab, project } = story
  const mr = await openMergeRequest(story)
  const { id, jobs } = gitlab.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: [{ name: 'a<b' }],
  })
  const base = `${gitlab.url}/research/iris`

  const statuses = await Promise.all(
    ['', `/-/commit/${mr.sha}`, `/-/pipelines/${id}`, `/-/jobs/${jobs[0]?.id}`, '/-/jobs/1', '-nowhere'].map(
      async (path) => (await fetch(base + path)).status,
    ),
  )

  t.same(statuses, [200, 200, 200, 200, 404, 404])
})
