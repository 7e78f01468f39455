import { z } from 'zod'

/** What `.mlmm.yml` may hold. Each `error` says what to write; the value and the place are told beside it. The texts
 * are shown by editors, through the JSON Schema made from this. */

const NAME_CHARACTERS = 200
const OVERRIDES = 200
const REQUIRED = 500

const number = '(\\d+(\\.\\d+)?|\\.\\d+)'
export const AMOUNT = new RegExp(`^${number}(pp|%|% of baseline)?$`)
export const LIMIT = new RegExp(`^-?${number}%?$`)

const amountHelp = 'write 0.01 (in stored units), 1pp (percentage points) or 1% (of the baseline)'
const Amount = z.union(
  [
    z.number({ error: amountHelp }).nonnegative({ error: amountHelp }),
    z.string({ error: amountHelp }).regex(AMOUNT, { error: amountHelp }),
  ],
  { error: amountHelp },
)

const limitHelp = 'write a value: 0.9 or 90%, which is the same'
const Limit = z.union(
  [z.number({ error: limitHelp }), z.string({ error: limitHelp }).regex(LIMIT, { error: limitHelp })],
  { error: limitHelp },
)

function nameOf(what: string) {
  const error = `write ${what}, of 1 to ${NAME_CHARACTERS} characters`
  return z.string({ error }).min(1, { error }).max(NAME_CHARACTERS, { error })
}

function patternsOf(what: string) {
  const pattern = nameOf(`the name of ${what}, or a pattern with *`)
  const error = `write the name of ${what}, a pattern with *, or a list of them`
  return z.union([pattern, z.array(pattern, { error }).min(1, { error })], { error })
}

const Gate = z.strictObject(
  {
    worse_by: Amount.optional().meta({
      description:
        'Broken when the result is worse than the baseline by more than this: 0.01 (stored units), 1pp (percentage points) or 1% (of the baseline; on a percent result "1% of baseline").',
      examples: ['1pp', '5%', 0.01],
    }),
    below: Limit.optional().meta({
      description: 'Broken when the value is smaller than this; needs no baseline. 90% is 0.9.',
      examples: ['90%', 0.9],
    }),
    above: Limit.optional().meta({
      description: 'Broken when the value is greater than this; needs no baseline. 5% is 0.05.',
      examples: [40, '5%'],
    }),
  },
  { error: 'write keys, such as {worse_by: 1pp}' },
)

const betterHelp = 'write higher or lower'
const formatHelp = 'write percent or number'
const unitHelp = 'write a unit of 1 to 20 characters, such as ms'
const digitsHelp = 'write how many digits follow the decimal point, 0 to 10'
const ResultRule = z.strictObject(
  {
    better: z.enum(['higher', 'lower', 'max', 'min'], { error: betterHelp }).optional().meta({
      description: 'Which values are better; where it is missing, the well-known name decides.',
    }),
    format: z.enum(['percent', 'number'], { error: formatHelp }).optional().meta({
      description: 'percent: a stored 0.913 is written 91.3% and differences are percentage points.',
    }),
    unit: z
      .string({ error: unitHelp })
      .min(1, { error: unitHelp })
      .max(20, { error: unitHelp })
      .optional()
      .meta({
        description: 'Written behind the value.',
        examples: ['ms', 'MB', 'EUR'],
      }),
    digits: z
      .int({ error: digitsHelp })
      .min(0, { error: digitsHelp })
      .max(10, { error: digitsHelp })
      .optional()
      .meta({ description: 'Digits after the decimal point, as shown.' }),
    tolerance: Amount.optional().meta({
      description: 'Differences up to this are called the same.',
      examples: ['0.2pp', '1%', 0.001],
    }),
    warn: Gate.optional().meta({ description: 'When this is broken the note warns; the gate passes.' }),
    fail: Gate.optional().meta({ description: 'When this is broken the gate fails.' }),
  },
  { error: 'write keys, such as {better: higher}' },
)

const resultsHelp = 'write names with their rules, such as accuracy: {better: higher}'
const Results = z.record(nameOf('the name of a result, or a pattern with *'), ResultRule, {
  error: resultsHelp,
})
const results = Results.optional().meta({
  description: 'Rules by result name. A name with * is a pattern: put it in quotes ("*_ms").',
  examples: [{ accuracy: { better: 'higher', format: 'percent', fail: { worse_by: '1pp' } } }],
})
const metrics = Results.optional().meta({ description: 'The same as results; write one of the two.' })

const Override = z.strictObject(
  {
    models: patternsOf('a model')
      .optional()
      .meta({
        description:
          'The models that this is about: a name, a pattern with *, or a list. All, where it is missing.',
        examples: ['fraud/*', ['ranker/*', 'search']],
      }),
    datasets: patternsOf('a dataset')
      .optional()
      .meta({
        description:
          'The datasets that this is about: a name, a pattern with *, or a list. All, where it is missing.',
        examples: ['prod', ['prod', 'prod-eu']],
      }),
    results,
    metrics,
    gate: z.literal(['off', false], { error: 'write off, or remove the line' }).optional().meta({
      description: 'off: these models neither fail the gate nor warn.',
    }),
  },
  { error: 'write keys, such as {models: fraud/*, gate: off}' },
)

const RequiredModel = z.strictObject(
  {
    model: nameOf('the name of a model').meta({ description: 'The name of a model; no pattern.' }),
    dataset: nameOf('the name of a dataset').optional().meta({
      description: 'The name of its dataset; no pattern. "default", where it is missing.',
    }),
  },
  { error: 'write {model: name}, or {model: name, dataset: name}' },
)

const whenHelp = 'write always, changed or beyond_tolerance'
const columnsHelp = 'write a list of result names, such as [accuracy, loss]'
const Note = z.strictObject(
  {
    columns: z
      .array(nameOf('the name of a result'), { error: columnsHelp })
      .min(1, { error: columnsHelp })
      .optional()
      .meta({
        description: 'The results that have a column, in this order. The others are folded.',
        examples: [['accuracy', 'loss']],
      }),
    when: z.enum(['always', 'changed', 'beyond_tolerance'], { error: whenHelp }).optional().meta({
      description:
        'When a merge request gets a note: always, when any result differs, or when one differs by more than its tolerance. A note that is there is always kept true.',
    }),
    group_by: z.enum(['folder'], { error: 'write folder, or remove the line' }).optional().meta({
      description: 'folder: models are grouped by what stands before the last / of their names.',
    }),
  },
  { error: 'write keys, such as {columns: [accuracy]}' },
)

const Level = z.enum(['pass', 'warn', 'fail'], { error: 'write pass, warn or fail' })

export const RulesFile = z
  .strictObject(
    {
      results,
      metrics,
      overrides: z
        .array(Override, { error: 'write a list, such as - {models: fraud/*, gate: off}' })
        .max(OVERRIDES, { error: `write at most ${OVERRIDES}; a list of models, or a pattern, is one` })
        .optional()
        .meta({ description: 'Other rules for some models or datasets. Later ones win, key by key.' }),
      required: z
        .array(RequiredModel, { error: 'write a list, such as - {model: name, dataset: name}' })
        .max(REQUIRED, { error: `write at most ${REQUIRED}` })
        .optional()
        .meta({
          description: 'Models that must report; the gate fails where one did not.',
          examples: [[{ model: 'fraud/xgb', dataset: 'prod' }]],
        }),
      no_baseline: Level.optional().meta({
        description:
          'What it means when there is nothing to compare a model with. pass, where it is missing.',
      }),
      missing: Level.optional().meta({
        description:
          'What it means when the baseline has a model and its job ran here and sent nothing. warn, where it is missing.',
      }),
      note: Note.optional().meta({ description: 'What the note shows, and when it is written.' }),
    },
    { error: 'write keys, such as results:' },
  )
  .meta({ title: 'mlmm rules', description: 'The rules of mlmm, in the file .mlmm.yml of a repository.' })
export type RulesFile = z.infer<typeof RulesFile>

/** Draft 7, which every editor's YAML support reads. */
export const rulesJsonSchema = z.toJSONSchema(RulesFile, { target: 'draft-7', io: 'input' })
