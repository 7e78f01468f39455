/** As close to GitLab's own look as a screenshot of a note needs. */
export const style = `
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: #3a383f;
  font: 14px/1.5 "GitLab Sans", Inter, -apple-system, "Segoe UI", "Noto Sans", Ubuntu, sans-serif }
a { color: #0b5cad; text-decoration: none } a:hover { text-decoration: underline }
header { background: #ececef; border-bottom: 1px solid #dcdcde; padding: 8px 24px }
main { max-width: 990px; margin: 0 auto; padding: 16px 24px 64px }
h1.title { font-size: 24px; line-height: 1.3; margin: 16px 0 8px; color: #18171d }
.facts { color: #626168; border-bottom: 1px solid #dcdcde; padding-bottom: 16px; margin-bottom: 24px }
.badge { display: inline-block; border-radius: 12px; padding: 0 10px; line-height: 22px; font-size: 12px;
  background: #c3e6cd; color: #24663b; margin-right: 8px }
.badge.failed, .badge.closed { background: #fdd4cd; color: #ae1800 }
.badge.running, .badge.pending, .badge.merged { background: #cbe2f9; color: #0b5cad }
.badge.created, .badge.skipped, .badge.canceled, .badge.manual { background: #ececef; color: #626168 }
.note { display: flex; gap: 12px; margin: 16px 0 }
.avatar { flex: none; width: 32px; height: 32px; border-radius: 50%; background: #e9ebff; color: #41419f;
  text-align: center; line-height: 32px; font-weight: 600 }
.note .box { flex: 1; min-width: 0; border: 1px solid #dcdcde; border-radius: 8px; padding: 8px 16px 12px }
.note .who { color: #626168; margin-bottom: 8px } .note .who b { color: #3a383f }
.system { margin: 12px 0 12px 44px; color: #626168 }
.system ul { margin: 4px 0 }
.md { overflow-wrap: break-word } .md > :first-child { margin-top: 0 } .md > :last-child { margin-bottom: 0 }
.md p { margin: 0 0 16px } .md h1, .md h2, .md h3, .md h4 { color: #18171d; margin: 24px 0 16px; line-height: 1.3 }
.md h1 { font-size: 24px } .md h2 { font-size: 21px } .md h3 { font-size: 18px } .md h4 { font-size: 16px }
.md table { border-collapse: separate; border-spacing: 0; margin: 16px 0; display: block; overflow-x: auto;
  max-width: 100% }
.md th, .md td { border: 1px solid #dcdcde; border-width: 0 1px 1px 0; padding: 10px 16px; background: #fff;
  vertical-align: middle }
.md th { border-top-width: 1px; border-bottom-width: 2px; color: #18171d; font-weight: 600; text-align: left }
.md tr > :first-child { border-left-width: 1px }
.md [align=right] { text-align: right } .md [align=center] { text-align: center }
.md code, .trace { font-family: "GitLab Mono", "JetBrains Mono", Menlo, "DejaVu Sans Mono", monospace }
.md code { font-size: 90%; background: #ececef; color: #18171d; padding: 2px 4px; border-radius: 4px;
  overflow-wrap: break-word }
.md pre { background: #fbfafd; border: 1px solid #dcdcde; border-radius: 4px; padding: 8px 12px; overflow-x: auto }
.md pre code { background: none; padding: 0 }
.md blockquote { margin: 0 0 16px; padding: 0 0 0 12px; border-left: 4px solid #dcdcde; color: #626168 }
.md summary { cursor: pointer } .md details { margin: 0 0 16px } .md img { max-width: 100% }
.md sub { font-size: 12px; vertical-align: baseline; color: #626168 }
.gfm { background: #cbe2f9; color: #0b5cad; border-radius: 4px; padding: 0 4px }
table.list { border-collapse: collapse; width: 100% }
table.list td, table.list th { border-bottom: 1px solid #dcdcde; padding: 8px; text-align: left }
.trace { background: #18171d; color: #ececef; padding: 16px; border-radius: 4px; white-space: pre-wrap;
  overflow-wrap: anywhere; font-size: 12px }
`
