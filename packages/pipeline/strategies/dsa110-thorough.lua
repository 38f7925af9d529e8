--[[
 AOFlagger's strategy for tiles of the DSA-110: 24 integrations of 13 s, a few hundred channels,
 a source field that drifts through a beam which stands still. For AOFlagger 3.

 With 24 integrations a threshold over sums of many of them says little, so four iterations come
 down slowly from a high threshold, the smoothing window spans most of the tile in time, and single
 integrations ("transients") are sought a little harder. Flags that are there stay and are left out
 of all statistics. normalize_subbands is never called: it would divide each subband by its own
 standard deviation, which in tiles of a bright calibrator is the source. Nor is
 sumthreshold_masked, which in 3.1 flags 97 % of a baseline of which two whole channels are flagged;
 sumthreshold leaves flagged visibilities out of its sums as well.
]]--

aoflagger.require_min_version("3.0")

function execute(input)
  local base_threshold = 1.2
  local iteration_count = 4
  local threshold_factor_step = 2.0
  local transient_threshold_factor = 0.8
  local frequency_resize_factor = 2.0
  local window_times, window_channels = 21, 31
  local sigma_times, sigma_channels = 2.5, 5.0
  local timestep_sigma, last_timestep_sigma = 3.5, 4.0
  local channel_sigma = 3.0

  local before = input:copy()
  local polarizations = input:get_polarizations()

  for index, polarization in ipairs(polarizations) do
    local data = input:convert_to_polarization(polarization)
    data = data:convert_to_complex("amplitude")
    local original = data:copy()

    for iteration = 1, iteration_count - 1 do
      local factor = math.pow(threshold_factor_step, iteration_count - iteration)
      local level = factor * base_threshold
      aoflagger.sumthreshold(data, level, level * transient_threshold_factor, true, true)

      -- Whole integrations and whole channels, each judged on what the sums have left.
      local channels = data:copy()
      aoflagger.threshold_timestep_rms(data, timestep_sigma)
      aoflagger.threshold_channel_rms(channels, channel_sigma * factor, true)
      data:join_mask(channels)

      -- What varies smoothly is the sky and the bandpass: only the rest is looked at next.
      data:set_visibilities(original)
      data:join_mask(original)
      local smooth = aoflagger.downsample(data, 1, frequency_resize_factor, true)
      aoflagger.low_pass_filter(
        smooth, window_times, window_channels, sigma_times, sigma_channels)
      aoflagger.upsample(smooth, data, 1, frequency_resize_factor)
      local residual = original - data
      residual:set_mask(data)
      data = residual
      aoflagger.set_progress(
        (index - 1) * iteration_count + iteration, #polarizations * iteration_count)
    end

    aoflagger.sumthreshold(
      data, base_threshold, base_threshold * transient_threshold_factor, true, true)
    input:set_polarization_data(polarization, data:convert_to_complex("complex"))
  end

  aoflagger.scale_invariant_rank_operator_masked(input, before, 0.2, 0.2)
  aoflagger.threshold_timestep_rms(input, last_timestep_sigma)
  input:flag_nans()
  input:join_mask(before)
end
