"""What scikit-learn asks of its own estimators and cannot ask of these."""

_WIDE = "it fits tables of three columns and more, and these estimators take two: user ids and item ids"
_FEW = f"{_WIDE}; and few ids leave no item unseen, so that BPR and WARP have nothing to compare"
_SEEN = f"{_WIDE}; and it scores the training events, which rankings of unseen items leave out"

#: Names of checks of ``sklearn.utils.estimator_checks.check_estimator`` (release 1.9) and why each cannot apply; what
#: its argument ``expected_failed_checks`` takes. A test runs all the others, and runs these as well on the first two
#: columns of their tables, where only those with a second reason fail.
CHECKS_THAT_CANNOT_APPLY: dict[str, str] = {
    "check_dict_unchanged": _WIDE,
    "check_dont_overwrite_parameters": _WIDE,
    "check_dtype_object": _FEW,
    "check_estimators_dtypes": _WIDE,
    "check_estimators_nan_inf": _FEW,
    "check_estimators_pickle": _WIDE,
    "check_f_contiguous_array_estimator": _WIDE,
    "check_fit2d_1sample": _FEW,
    "check_fit2d_predict1d": _WIDE,
    "check_fit_score_takes_y": _SEEN,
    "check_methods_sample_order_invariance": _WIDE,
    "check_methods_subset_invariance": _WIDE,
    "check_n_features_in_after_fitting": _WIDE,
    "check_pipeline_consistency": _SEEN,
    "check_positive_only_tag_during_fit": _FEW,
    "check_regressor_data_not_an_array": _WIDE,
    "check_regressors_int": _WIDE,
    "check_regressors_no_decision_function": _WIDE,
    "check_regressors_train": f"{_WIDE}; and it wants good predictions where ids are measurements rounded off",
    "check_supervised_y_2d": _WIDE,
}
