import { readPackaged } from '../packaged.js'

/** By path in the project of the component. */
export type ComponentFiles = Readonly<Record<string, string>>

const description = 'Machine-learning results on merge requests'

// A release for GitLab's catalog is made by a job; those made through the API do not count there.
const pipeline = `release:
  image: $CI_TEMPLATE_REGISTRY_HOST/gitlab-org/release-cli:latest
  rules:
    - if: $CI_COMMIT_TAG =~ /^\\d+\\.\\d+\\.\\d+$/
  script:
    - echo "Releasing $CI_COMMIT_TAG"
  release:
    tag_name: $CI_COMMIT_TAG
    description: ${description}, $CI_COMMIT_TAG
`

/** The files of the component, whose input `url` is this mlmm unless a pipeline says otherwise. */
export async function componentFiles(publicUrl: string): Promise<ComponentFiles> {
  const template = await readPackaged('ci-templates/templates/mlmm.yml')
  const input = /^    url:\n/m
  if (!input.test(template)) throw new Error('The CI template has no input url')
  return {
    'README.md': await readPackaged('ci-templates/README.md'),
    'templates/mlmm.yml': template.replace(input, (found) => `${found}      default: '${publicUrl}'\n`),
    '.gitlab-ci.yml': pipeline,
  }
}

export async function componentVersion(): Promise<string> {
  const { version } = JSON.parse(await readPackaged('package.json')) as { version: string }
  return version
}
