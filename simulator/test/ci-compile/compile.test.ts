import t from 'tap'

import { branchPush, createCase, jobsOf, namesOf, serveTemplate } from './fixtures/compile-case.js'

t.test('a matrix job extends the template of a remote include', async (t) => {
  const repo = await createCase(t, 'extends-remote-matrix')
  const templateUrl = await serveTemplate(t)

  const result = await repo.compile({ ...branchPush, TEMPLATE_URL: templateUrl })

  const names = [
    'train: [logistic, iris]',
    'train: [logistic, wine]',
    'train: [tree, iris]',
    'train: [tree, wine]',
    'train: [knn]',
  ]
  t.same(namesOf(result), [...names, 'report 1/2', 'report 2/2'])
  const [train] = jobsOf(result)
  t.same(train, {
    name: 'train: [logistic, iris]',
    stage: 'test',
    when: 'on_success',
    allowFailure: false,
    needs: null,
    script: ['python train.py --model $MLMM_MODEL --data $MLMM_DATASET'],
    beforeScript: [],
    afterScript: ['echo upload', 'echo done'],
    variables: {
      MLMM_URL: 'http://127.0.0.1:9',
      MLMM_DATASET: 'iris',
      MLMM_MODEL: 'logistic',
      CI_NODE_INDEX: '1',
      CI_NODE_TOTAL: '5',
    },
    idTokens: { MLMM_ID_TOKEN: { aud: ['http://127.0.0.1:9'] } },
    artifacts: { paths: ['out/'], when: 'on_success' },
    timeoutSeconds: 3600,
    stageIndex: 2,
  })
  const report = jobsOf(result).at(-1)
  t.same(report?.needs, names)
  t.same(report?.script, ['cat out/*', 'echo upload'])
  t.equal(report?.stageIndex, 3)
  t.match(report?.variables, { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '2' })
})
