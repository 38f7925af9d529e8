// The JavaScript face of the correlator.
#pragma once

#include <napi.h>

namespace formats {

void defineCorrelate(Napi::Env env, Napi::Object exports);

}  // namespace formats
