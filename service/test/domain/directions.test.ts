import t from 'tap'
import { describeResult } from '../../domain/directions.js'

const higher = `accuracy acc val_accuracy valAccuracy test/accuracy top5_acc top_5_accuracy top-1-accuracy accuracy@1
  eval.f1 f1-score F1Score macro_f1 f1_macro setosa.precision macro_avg.recall roc_auc ROC_AUC auroc val/auc
  average_precision mAP mAP@0.5 mAP50-95 map50 AP75 ndcg@10 NDCG@5 ndcg10 mrr hits@10 recall@k r2 r2_score
  explained_variance bleu BLEU-4 sacrebleu rougeL rouge1 rouge_l.f1 iou mIoU val_mean_iou dice dice_score psnr ssim
  iris_accuracy mmlu_acc acc_norm acc,none exact_match pearson kappa mcc neg_mean_squared_error neg_log_loss
  samples_per_second eval_samples_per_second tokens_per_s throughput fps episode_reward silhouette log_likelihood
  balanced_accuracy specificity true_positive_rate win_rate hit_ratio@10 box_map50 bbox_mAP segm_mAP_75 bleurt si_sdr
  c_index d2_absolute_error_score answer_relevancy motp`
const lower = `loss val_loss valLoss test/loss train.loss loss/train training_loss log_loss logLoss logloss cross_entropy
  nll neg_log_likelihood contrastive_loss bbox_loss error test_error top_5_error error_rate mae MAE val_mae rmse mse
  mean_squared_error mape sMAPE wer WER cer perplexity eval_perplexity ppl latency p99_latency latency_p95 latency_ms
  p99_ms inference_ms inference_time time train_time eval_runtime duration model_size size model_mb peak_memory
  memory_mb false_positive_rate fpr brier_score ece fid cost train_time_seconds gpu_time_ms peak_memory_gb
  val_mdape OWA test/wql mean_rank hallucination_rate abs_rel hausdorff95 ttft_p95 time_to_first_token_ms vram_gb
  parameter_count memory_usage_mb bic`
const unknown = `gini epoch best_epoch step n_samples support learning_rate lr grad_norm loss_scale accuracy_std
  std_accuracy accuracy_drop delta_accuracy accuracy_gap target_accuracy num_errors loss_weight test_size batch_size
  sample_size size_of_vocab 1-accuracy 1-AUC test/1-ssim eval.1-f1 val_1-accuracy one_minus_f1 not_f1 mean_lifetime_seconds
  time_to_failure_seconds audio_seconds n_bytes seed depth depth_map heat_map mixed_precision score value 42 @ ___ précision
  rank num_parameters bias coverage parameter_count_layers`

function wordsIn(text: string): string[] {
  return text.trim().split(/\s+/)
}

t.test('what is left of one is no better for being higher', async (t) => {
  for (const name of ['1 - AUC', '1 − accuracy', 'test/1 - f1'])
    t.equal(describeResult(name).direction, 'unknown', name)
})

for (const [direction, names] of Object.entries({ higher, lower, unknown })) {
  t.test(`names whose better values are ${direction}`, async (t) => {
    for (const name of wordsIn(names)) t.equal(describeResult(name).direction, direction, name)
  })
}

t.test('only fractions by nature may be shown as percent', async (t) => {
  const fractions = ['accuracy', 'val_acc', 'top5_acc', 'f1', 'precision', 'recall@5', 'error_rate', 'wer']
  for (const name of fractions) t.equal(describeResult(name).fraction, true, name)

  const others = ['loss', 'auc', 'r2', 'iou', 'ndcg@10', 'latency_ms', 'gini', 'accuracy_std']
  for (const name of others) t.equal(describeResult(name).fraction, false, name)
})

t.test('kinds are the same under modifiers, and the better known ranks first', async (t) => {
  t.equal(describeResult('test/val_acc').known, 'accuracy')
  t.equal(describeResult('eval_loss').known, describeResult('loss').known)
  t.equal(describeResult('gini').known, null)
  t.ok(describeResult('accuracy').rank < describeResult('loss').rank)
  t.ok(describeResult('loss').rank < describeResult('latency_ms').rank)
  t.ok(describeResult('latency_ms').rank < describeResult('gini').rank)
})

t.test('results on the training data are told apart', async (t) => {
  for (const name of ['train_loss', 'train/accuracy', 'trainLoss', 'training.f1'])
    t.equal(describeResult(name).training, true, name)
  for (const name of ['val_loss', 'accuracy', 'constraint_loss'])
    t.equal(describeResult(name).training, false, name)
})
