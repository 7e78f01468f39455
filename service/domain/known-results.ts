export interface KnownResult {
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
  'to first token ttft tpot',
)
const SIZES = wordSet(
  'memory mem ram vram gpu cpu peak rss model file disk binary artifact checkpoint weights size used usage footprint',
)

/**
 * The well-known results, most wanted first within each field. Names are parted by blanks, in lower case, with `_`
 * between words. A name matches when it ends with one of these after modifiers (`val_`, `@5`, `_macro`) are taken off.
 */
const FIELDS: { field: string; results: KnownResult[] }[] = [
  {
    field: 'Classification',
    results: [
      { direction: 'higher', fraction: true, names: 'accuracy acc categorical_accuracy acc_norm' },
      { direction: 'higher', fraction: true, names: 'balanced_accuracy balanced_acc bacc' },
      { direction: 'higher', fraction: true, names: 'f1 f1_score f1score f_score fscore f_measure' },
      { direction: 'higher', fraction: true, names: 'f2 f05 fbeta f_beta f2_score fbeta_score' },
      { direction: 'higher', names: 'auc roc_auc auroc rocauc auc_roc roc_auc_score auc_score' },
      {
        direction: 'higher',
        names: 'pr_auc auprc prauc auc_pr average_precision avg_precision average_precision_score',
      },
      { direction: 'higher', fraction: true, alone: true, names: 'precision precision_score ppv' },
      { direction: 'higher', fraction: true, names: 'recall recall_score sensitivity tpr' },
      { direction: 'higher', fraction: true, names: 'true_positive_rate true_negative_rate' },
      { direction: 'higher', fraction: true, names: 'specificity tnr npv hit_rate win_rate' },
      { direction: 'higher', names: 'mcc matthews_corrcoef kappa cohen_kappa quadratic_weighted_kappa' },
      { direction: 'higher', names: 'ks_statistic youden_j informedness' },
      { direction: 'lower', fraction: true, names: 'error_rate misclassification_rate fpr fnr eer' },
      { direction: 'lower', fraction: true, names: 'false_positive_rate false_negative_rate' },
      { direction: 'lower', fraction: true, names: 'false_alarm_rate miss_rate' },
      { direction: 'lower', names: 'log_loss logloss cross_entropy crossentropy nll bce mlogloss' },
      { direction: 'lower', names: 'neg_log_likelihood negative_log_likelihood' },
      { direction: 'lower', names: 'brier brier_score brier_loss brier_score_loss' },
      { direction: 'lower', names: 'ece calibration_error expected_calibration_error' },
    ],
  },
  {
    field: 'Regression',
    results: [
      { direction: 'lower', names: 'rmse root_mean_squared_error rmsle nrmse' },
      { direction: 'lower', names: 'mae mean_absolute_error median_absolute_error medae' },
      { direction: 'lower', names: 'mse mean_squared_error msle max_error' },
      { direction: 'higher', names: 'r2 r2_score r_squared rsquared explained_variance' },
      { direction: 'higher', names: 'd2_absolute_error_score d2_pinball_score d2_tweedie_score' },
      { direction: 'higher', names: 'pearson pearsonr spearman spearmanr kendall_tau kendalltau' },
      { direction: 'higher', names: 'concordance_index c_index cindex' },
      { direction: 'lower', names: 'deviance aic bic' },
    ],
  },
  {
    field: 'Forecasting',
    results: [
      { direction: 'lower', names: 'mape smape wape mase wmape rmsse mean_absolute_percentage_error' },
      { direction: 'lower', names: 'mdape rmspe wrmsse owa' },
      { direction: 'lower', names: 'crps pinball_loss quantile_loss winkler_score wql interval_score' },
    ],
  },
  {
    field: 'Ranking',
    results: [
      { direction: 'higher', names: 'ndcg mrr mean_reciprocal_rank dcg' },
      { direction: 'higher', names: 'mean_average_precision hits hit', alone: true },
      { direction: 'higher', fraction: true, names: 'hit_ratio' },
      { direction: 'lower', names: 'mean_rank median_rank' },
    ],
  },
  {
    field: 'Language and speech',
    results: [
      { direction: 'lower', names: 'perplexity ppl bits_per_byte bpb bits_per_character bpc' },
      { direction: 'higher', fraction: true, names: 'exact_match pass_rate pass' },
      {
        direction: 'higher',
        names: 'bleu sacrebleu meteor chrf comet bertscore bleu_score bleurt gleu cider',
      },
      { direction: 'higher', names: 'rouge rouge_l rougel rougelsum rouge_lsum rouge_1 rouge_2' },
      { direction: 'higher', names: 'faithfulness groundedness answer_relevancy' },
      { direction: 'lower', names: 'toxicity hallucination_rate' },
      {
        direction: 'lower',
        fraction: true,
        names: 'wer cer word_error_rate character_error_rate ter per diarization_error_rate',
      },
      { direction: 'higher', names: 'pesq stoi si_sdr sdr si_snr' },
    ],
  },
  {
    field: 'Detection and tracking',
    results: [
      { direction: 'higher', names: 'map ap', alone: true },
      { direction: 'higher', names: 'box_map bbox_map mask_map segm_map box_ap bbox_ap mask_ap segm_ap' },
      { direction: 'higher', names: 'mota motp idf1 hota' },
    ],
  },
  {
    field: 'Segmentation and images',
    results: [
      { direction: 'higher', names: 'iou miou mean_iou jaccard jaccard_score jaccard_index' },
      { direction: 'higher', names: 'dice dice_score dice_coefficient dsc panoptic_quality pq' },
      { direction: 'lower', names: 'hausdorff hausdorff_distance hd95 assd chamfer chamfer_distance' },
      { direction: 'lower', names: 'fid kid lpips abs_rel absrel epe' },
      { direction: 'higher', names: 'psnr ssim inception_score' },
    ],
  },
  {
    field: 'Clustering and reinforcement learning',
    results: [
      { direction: 'higher', names: 'silhouette silhouette_score ari adjusted_rand_score nmi v_measure' },
      { direction: 'lower', names: 'davies_bouldin davies_bouldin_score inertia' },
      { direction: 'higher', names: 'reward episode_reward episode_return success_rate' },
    ],
  },
  {
    field: 'Any training',
    results: [
      { direction: 'lower', names: 'loss objective_loss elbo_loss' },
      { direction: 'lower', names: 'error errors err misclassified' },
      { direction: 'higher', names: 'log_likelihood loglikelihood elbo' },
    ],
  },
  {
    field: 'Latency and throughput',
    results: [
      { direction: 'higher', names: 'throughput fps qps rps tokens_per_s samples_per_s' },
      { direction: 'lower', names: 'latency runtime duration elapsed response_time inference_time' },
      {
        direction: 'lower',
        names: 'time wall_time walltime cpu_time gpu_time time_to_first_token ttft tpot',
      },
      { direction: 'lower', behind: DURATIONS, names: 'ms us ns secs seconds milliseconds minutes' },
    ],
  },
  {
    field: 'Size and cost',
    results: [
      {
        direction: 'lower',
        alone: true,
        names: 'model_size file_size disk_size memory_size binary_size size parameter_count param_count',
      },
      { direction: 'lower', behind: SIZES, names: 'bytes kb mb gb kib mib gib' },
      { direction: 'lower', names: 'memory peak_memory rss vram memory_usage memory_footprint' },
      { direction: 'lower', names: 'flops macs energy cost co2 emissions' },
    ],
  },
]

/** In the order of the table. */
export const KNOWN = FIELDS.flatMap(({ results }) => results)

/** One row of the documented table. */
interface DocumentedResult {
  field: string
  direction: 'higher' | 'lower'
  fraction: boolean
  names: string[]
}

/** The table of well-known names, as `docs/rules.rst` shows it. */
export function documentedResults(): DocumentedResult[] {
  return FIELDS.flatMap(({ field, results }) =>
    results.map(({ direction, fraction = false, names }) => {
      return { field, direction, fraction, names: names.split(' ') }
    }),
  )
}

export function wordSet(...lines: string[]): Set<string> {
  return new Set(lines.join(' ').split(' '))
}
