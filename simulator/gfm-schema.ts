import { defaultSchema } from 'rehype-sanitize'

type Schema = typeof defaultSchema

/** Elements that GitLab lets through: the list of html-pipeline and its own additions. */
const tagNames = `
  h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p ol ul table thead tbody
  tfoot blockquote dl dt dd kbd q samp var hr ruby rt rp li tr td th s strike summary details caption
  figure figcaption abbr bdo cite dfn mark small span time wbr input section
`
  .trim()
  .split(/\s+/)

/** GitLab allows any protocol in links but these; a list of what is allowed comes closest here. */
const linkProtocols = ['http', 'https', 'mailto', 'ftp', 'irc', 'xmpp', 'tel', 'ssh', 'git', 'smb', 'rdar']

export const gitlabSchema: Schema = {
  ...defaultSchema,
  tagNames,
  attributes: {
    ...defaultSchema.attributes,
    a: [
      'href',
      'name',
      'title',
      'dataFootnoteRef',
      'dataFootnoteBackref',
      ['className', 'data-footnote-backref'],
    ],
    abbr: ['title'],
    img: ['src', 'alt', 'title', 'width', 'height'],
    td: ['align', 'colSpan', 'rowSpan'],
    th: ['align', 'colSpan', 'rowSpan', 'scope'],
    details: ['open'],
    '*': ['dir', 'lang', 'title', 'id'],
  },
  protocols: { ...defaultSchema.protocols, href: linkProtocols, src: ['http', 'https'] },
  strip: ['script', 'style'],
  clobberPrefix: 'user-content-',
}
