/** Is a higher or a lower value better? `unknown` is shown and never judged. */
export type Direction = 'higher' | 'lower' | 'unknown'

export interface ResultKind {
  direction: Direction
  /** A fraction by nature: shown as percent where all its values lie in [0, 1]. */
  fraction: boolean
  /** The well-known name behind it (`val_acc` → `accuracy`), null where unknown. */
  known: string | null
  /** Place in the table below: the smaller, the more people want to see it first. */
  rank: number
  /** Measured on the training data, so of little use to a reviewer. */
  training: boolean
}

interface KnownResult {
  direction: 'higher' | 'lower'
  fraction?: true
  /** Words that mean something else behind an unknown word (`heat_map`): only modifiers may stand before them. */
  alone?: true
  /** Units, which say nothing alone (`lifetime_seconds`): beside modifiers only these words may stand before them. */
  behind?: Set<string>
  names: string
}

const DURATIONS = wordSet(
  'time latency runtime duration elapsed wall walltime clock cpu gpu compute inference predict prediction predicting',
  'train training fit response request forward step epoch batch load loading startup warmup query search tuning',
)
const SIZES = wordSet(
  'memory mem ram vram gpu cpu peak rss model file disk binary artifact checkpoint weights size used usage footprint',
)

/**
 * The well-known results, most wanted first within each field. Names are parted by blanks, in lower case, with `_`
 * between words. A name matches when it ends with one of these after modifiers (`val_`, `@5`, `_macro`) are taken off.
 */
const KNOWN: KnownResult[] = [
  // classification
  { direction: 'higher', fraction: true, names: 'accuracy acc categorical_accuracy acc_norm' },
  { direction: 'higher', fraction: true, names: 'balanced_accuracy balanced_acc bacc' },
  { direction: 'higher', fraction: true, names: 'f1 f1_score f1score f_score fscore f_measure' },
  { direction: 'higher', fraction: true, names: 'f2 f05 fbeta f_beta f2_score fbeta_score' },
  { direction: 'higher', names: 'auc roc_auc auroc rocauc auc_roc roc_auc_score auc_score' },
  { direction: 'higher', names: 'pr_auc auprc prauc auc_pr average_precision avg_precision' },
  { direction: 'higher', fraction: true, alone: true, names: 'precision precision_score ppv' },
  { direction: 'higher', fraction: true, names: 'recall recall_score sensitivity tpr' },
  { direction: 'higher', fraction: true, names: 'true_positive_rate true_negative_rate' },
  { direction: 'higher', fraction: true, names: 'specificity tnr npv hit_rate win_rate' },
  { direction: 'higher', names: 'mcc matthews_corrcoef kappa cohen_kappa quadratic_weighted_kappa' },
  { direction: 'lower', fraction: true, names: 'error_rate misclassification_rate fpr fnr eer' },
  { direction: 'lower', fraction: true, names: 'false_positive_rate false_negative_rate' },
  { direction: 'lower', names: 'log_loss logloss cross_entropy crossentropy nll bce mlogloss' },
  { direction: 'lower', names: 'neg_log_likelihood negative_log_likelihood' },
  { direction: 'lower', names: 'brier brier_score brier_loss brier_score_loss' },
  { direction: 'lower', names: 'ece calibration_error expected_calibration_error' },
  // regression and forecasting
  { direction: 'lower', names: 'rmse root_mean_squared_error rmsle nrmse' },
  { direction: 'lower', names: 'mae mean_absolute_error median_absolute_error medae' },
  { direction: 'lower', names: 'mse mean_squared_error msle max_error' },
  { direction: 'lower', names: 'mape smape wape mase wmape rmsse mean_absolute_percentage_error' },
  { direction: 'lower', names: 'crps pinball_loss quantile_loss winkler_score' },
  { direction: 'higher', names: 'r2 r2_score r_squared rsquared explained_variance' },
  { direction: 'higher', names: 'pearson pearsonr spearman spearmanr kendall_tau kendalltau' },
  // ranking
  { direction: 'higher', names: 'ndcg mrr mean_reciprocal_rank dcg' },
  { direction: 'higher', names: 'mean_average_precision hits hit', alone: true },
  // language and speech
  { direction: 'lower', names: 'perplexity ppl bits_per_byte bpb bits_per_character bpc' },
  { direction: 'higher', fraction: true, names: 'exact_match pass_rate pass' },
  { direction: 'higher', names: 'bleu sacrebleu meteor chrf comet bertscore bleu_score' },
  { direction: 'higher', names: 'rouge rouge_l rougel rougelsum rouge_lsum rouge_1 rouge_2' },
  { direction: 'lower', fraction: true, names: 'wer cer word_error_rate character_error_rate ter per' },
  // detection, segmentation, images
  { direction: 'higher', names: 'map ap', alone: true },
  { direction: 'higher', names: 'iou miou mean_iou jaccard jaccard_score jaccard_index' },
  { direction: 'higher', names: 'dice dice_score dice_coefficient dsc panoptic_quality pq' },
  { direction: 'lower', names: 'hausdorff hausdorff_distance hd95 fid kid lpips' },
  { direction: 'higher', names: 'psnr ssim inception_score mota idf1 hota' },
  // clustering, reinforcement learning
  { direction: 'higher', names: 'silhouette silhouette_score ari adjusted_rand_score nmi v_measure' },
  { direction: 'lower', names: 'davies_bouldin davies_bouldin_score inertia' },
  { direction: 'higher', names: 'reward episode_reward episode_return success_rate' },
  // whatever is trained
  { direction: 'lower', names: 'loss objective_loss elbo_loss' },
  { direction: 'lower', names: 'error errors err misclassified' },
  { direction: 'higher', names: 'log_likelihood loglikelihood elbo' },
  // cost
  { direction: 'higher', names: 'throughput fps qps rps tokens_per_s samples_per_s' },
  { direction: 'lower', names: 'latency runtime duration elapsed response_time inference_time' },
  { direction: 'lower', names: 'time wall_time walltime cpu_time gpu_time' },
  { direction: 'lower', behind: DURATIONS, names: 'ms us ns secs seconds milliseconds minutes' },
  { direction: 'lower', alone: true, names: 'model_size file_size disk_size memory_size binary_size size' },
  { direction: 'lower', behind: SIZES, names: 'bytes kb mb gb kib mib gib' },
  { direction: 'lower', names: 'memory peak_memory rss' },
  { direction: 'lower', names: 'flops macs energy cost co2 emissions' },
]

const TRAINING = wordSet('train training tr fit')
const MODIFIERS = wordSet(
  'val valid validation test testing eval evaluation dev holdout heldout oof cv train training tr fit',
  'mean avg average median macro micro weighted samples binary overall total final best last score metric metrics',
  'at top k none epoch global masked',
)

/** Before a well-known word these make another thing of it: a spread, a difference, a setting, a count. */
const OTHER_MEANING = wordSet(
  'delta diff difference std stddev stdev sd se sem stderr var variance ci n num count target threshold thresh',
  'drop gap change inverse inv inverted baseline chance random no not non without minus weight remaining saved free',
)

/** `1-accuracy`, but not `top-1-accuracy`. */
const COMPLEMENT = /^\W*((val|valid|validation|test|eval|dev|train|training|mean|avg)[_-])*(1|one)\s*[-−–]/

function wordSet(...lines: string[]): Set<string> {
  return new Set(lines.join(' ').split(' '))
}

interface Entry {
  known: KnownResult
  words: string[]
  rank: number
}

/** By last word, longest first, so that `log_loss` is found before `loss`. */
const ENTRIES = new Map<string, Entry[]>()
for (const [rank, known] of KNOWN.entries()) {
  for (const name of known.names.split(' ')) {
    const words = name.split('_')
    const last = words.at(-1) ?? name
    ENTRIES.set(last, [...(ENTRIES.get(last) ?? []), { known, words, rank }])
  }
}
for (const entries of ENTRIES.values()) entries.sort((a, b) => b.words.length - a.words.length)

/**
 * What a result's name says of it: `val_accuracy`, `test/loss`, `top5_acc`, `eval.f1`, `p99_ms` and `ndcg@10` are
 * understood. A name with any word behind the well-known one that is no modifier (`loss_scale`, `accuracy_std`) is not.
 */
export function describeResult(name: string): ResultKind {
  const lower = name.toLowerCase()
  const split = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
  const training = wordsOf(split).some((word) => TRAINING.has(word))
  const found = describeSegments(lower) ?? (split === lower ? null : describeSegments(split))
  return { direction: 'unknown', fraction: false, known: null, rank: KNOWN.length, ...found, training }
}

type Found = Pick<ResultKind, 'direction' | 'fraction' | 'known' | 'rank'>

/** The last part between `/`, `.`, `:` and `,` names the result (`setosa.precision`), unless it only modifies. */
function describeSegments(name: string): Found | null {
  const segments = name.split(/[/.:,]/).map((segment) => stripTrailing(wordsOf(segment)))
  const words = segments.findLast((segment) => segment.length > 0)
  return words === undefined || isComplement(name) ? null : describeWords(words)
}

function isComplement(name: string): boolean {
  return name.split(/[/.:,]/).some((segment) => COMPLEMENT.test(segment))
}

function wordsOf(text: string): string[] {
  return text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}

function stripTrailing(words: string[]): string[] {
  if (isPerSecond(words)) return words
  let end = words.length
  while (end > 0 && isModifier(words[end - 1] ?? '') && !isKnownPhrase(words.slice(0, end))) end--
  return words.slice(0, end)
}

function isModifier(word: string): boolean {
  return MODIFIERS.has(word) || /^(p|top)?\d+$/.test(word)
}

function isKnownPhrase(words: string[]): boolean {
  return (ENTRIES.get(words.at(-1) ?? '') ?? []).some((entry) => endsWith(words, entry.words))
}

function describeWords(words: string[]): Found | null {
  if (isPerSecond(words))
    return { direction: 'higher', fraction: false, known: 'throughput', rank: rankOf('throughput') }
  const last = words.at(-1) ?? ''
  const bare = last.replace(/\d+$/, '')
  const entry = findEntry(words, last) ?? findEntry([...words.slice(0, -1), bare], bare)
  if (entry === undefined) return null
  const before = words.slice(0, words.length - entry.words.length)
  if (before.some((word) => OTHER_MEANING.has(word))) return null
  if (entry.known.alone && !before.every((word) => isModifier(word))) return null
  if (entry.known.behind && !isUnitOf(entry.known.behind, before)) return null
  if (last === 'size' && before.length > 0) return null
  const direction = directionBehind(before, entry.known.direction)
  const known = entry.known.names.split(' ')[0] ?? null
  return { direction, fraction: entry.known.fraction === true, known, rank: entry.rank }
}

function isUnitOf(quantities: Set<string>, before: string[]): boolean {
  return before.every((word) => isModifier(word) || quantities.has(word))
}

function findEntry(words: string[], last: string): Entry | undefined {
  return ENTRIES.get(last)?.find((entry) => endsWith(words, entry.words))
}

function endsWith(words: string[], ending: string[]): boolean {
  const start = words.length - ending.length
  return start >= 0 && ending.every((word, index) => words[start + index] === word)
}

/** scikit-learn negates errors so that higher is better: `neg_mean_squared_error`. */
function directionBehind(before: string[], direction: 'higher' | 'lower'): Direction {
  if (!before.includes('neg') && !before.includes('negative')) return direction
  return direction === 'lower' ? 'higher' : 'unknown'
}

function isPerSecond(words: string[]): boolean {
  return (
    words.length > 2 &&
    words.at(-2) === 'per' &&
    /^(s|sec|second|minute|min|hour|h)$/.test(words.at(-1) ?? '')
  )
}

function rankOf(name: string): number {
  return KNOWN.findIndex((known) => known.names.split(' ').includes(name))
}
