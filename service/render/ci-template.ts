const ADDRESS = /^https?:\/\/[A-Za-z0-9.-]+(:[0-9]+)?(\/[A-Za-z0-9._~-]+)*$/
const INPUT = '$[[ inputs.url ]]'

/** The component `ci-templates/templates/mlmm.yml` as a plain file for `include: remote`, with the address filled in.
 * `url` is `PUBLIC_URL`, slashes at its end are dropped. Throws a `TypeError` if the address could mean something else in
 * YAML or in a shell, or if `source` is not the component. */
export function renderCiTemplate(source: string, { url }: { url: string }): string {
  const address = url.replace(/\/+$/, '')
  if (!ADDRESS.test(address)) {
    throw new TypeError(
      `The address ${JSON.stringify(url)} must be http(s)://host[:port][/path] in plain letters`,
    )
  }
  const header = /^spec:\n(?:[ \t].*\n|\n)*---\n/.exec(source)
  if (header === null) throw new TypeError('The CI template does not begin with the spec of a component')
  const text = source.slice(header[0].length).replaceAll(INPUT, address)
  if (text.includes('$[[')) throw new TypeError('The CI template has an input other than url')
  return text
}
