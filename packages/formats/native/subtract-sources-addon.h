// Adds placeSubband to the addon's exports.
#pragma once

#include <napi.h>

namespace formats {

void defineSubtractSources(Napi::Env env, Napi::Object exports);

}  // namespace formats
