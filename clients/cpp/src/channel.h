// How the client reaches the server: load balancing, retries, keepalive, TLS.
#pragma once

#include <memory>
#include <string>

#include "endcap/client.h"

namespace endcap {

// The retry and load-balancing policy as JSON, which clients in other languages share.
std::string ServiceConfig();

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& target, const Options& options);

}  // namespace endcap
