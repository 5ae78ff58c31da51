#pragma once

namespace recon {

/// The t with P(|T| <= t) = level for Student's T with `degrees` >= 1 degrees of freedom, whole or not. Throws
/// Error(internal) for others and for a level that is not between 0 and 1.
///
/// With t = sqrt(degrees) tan(theta), P(|T| <= t) is the integral of cos^(degrees - 1) from 0 to theta over that to
/// pi/2 (Abramowitz & Stegun 1964, 26.7.1 and 26.7.3): by Simpson's rule; the quantile by bisection in theta.
double student_quantile(double level, double degrees);

}  // namespace recon
